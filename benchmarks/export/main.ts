import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createDeviceHub, silentLogger } from '@devicehub/core'
import { startPostgres } from '@devicehub/test-kit'
import { prepareDatabase, storageFor, type Target } from '../ingest/database.js'
import { payload, Station, sample } from '../ingest/workload.js'
import type { BenchOptions } from '../main.js'

/** An export of all readings. */
export interface ExportResult {
  readonly mbPerSecond: number
  readonly rowsPerSecond: number
  /** Of the process that exports. */
  readonly peakRssMiB: number
}

export type TargetResult = { readonly rows: number } & Record<'csv' | 'ndjson', ExportResult>

const child = fileURLToPath(new URL('./child.ts', import.meta.url))
/** Messages that are ingested at once. */
const ROUND = 10_000

/** How fast readings are exported, and in how much memory. */
export async function run({
  quick,
  say,
}: BenchOptions): Promise<Record<'sqlite' | 'postgres', TargetResult>> {
  const rows = quick ? 200_000 : 5_000_000
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-bench-'))
  await using postgres = await startPostgres()
  try {
    return {
      sqlite: await measure({ kind: 'sqlite', file: join(folder, 'export.db') }, rows, say),
      postgres: await measure({ kind: 'postgres', url: (await postgres.createDatabase()).url }, rows, say),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(target: Target, rows: number, say: BenchOptions['say']): Promise<TargetResult> {
  await prepareDatabase(target)
  say(`${target.kind}: storing ${rows} readings`)
  await fill(target, rows)
  const csv = await exported('csv', target, rows)
  const ndjson = await exported('ndjson', target, rows)
  say(`  ${JSON.stringify({ csv, ndjson })}`)
  return { rows, csv, ndjson }
}

async function fill(target: Target, rows: number): Promise<void> {
  await using hub = createDeviceHub({ types: [Station], storage: storageFor(target), logger: silentLogger })
  for (let from = 0; from < rows; from += ROUND)
    await hub.ingest(
      Array.from({ length: ROUND }, (_, index) => {
        const data = sample(from + index)
        return { topic: data.topic, payload: Buffer.from(payload(data)), source: 'bench' }
      }),
    )
}

async function exported(form: 'csv' | 'ndjson', target: Target, rows: number): Promise<ExportResult> {
  const args = ['--import', 'tsx', child, form, JSON.stringify(target)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { bytes, seconds, peakRssMiB } = JSON.parse(stdout) as Record<
    'bytes' | 'seconds' | 'peakRssMiB',
    number
  >
  return {
    mbPerSecond: Number((bytes / 1e6 / seconds).toFixed(1)),
    rowsPerSecond: Math.round(rows / seconds),
    peakRssMiB,
  }
}

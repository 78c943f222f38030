import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startPostgres } from '@devicehub/test-kit'
import type { Target } from '../ingest/database.js'
import type { BenchOptions } from '../main.js'
import type { ImportResult } from './child.js'

export interface TargetResult {
  readonly devices: number
  readonly seconds: number
  readonly devicesPerSecond: number
  readonly peakRssMb: number
  readonly startRssMb: number
  /** The same file again: nothing may change. */
  readonly again: { readonly seconds: number; readonly created: number; readonly existing: number }
}

export interface Result {
  readonly sqlite: TargetResult
  readonly postgres: TargetResult
  /** Ten times as many devices: memory does not grow with them. */
  readonly sqliteTenfold: TargetResult
}

const run_ = promisify(execFile)
const child = fileURLToPath(new URL('child.ts', import.meta.url))

/** Devices with their credentials out of a CSV file, and the same file once more. */
export async function run({ quick, say }: BenchOptions): Promise<Result> {
  const devices = quick ? 1_000 : 10_000
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-bench-'))
  await using postgres = await startPostgres()
  try {
    const measureIn = (target: Target, count: number) => measure(folder, target, count, say)
    return {
      sqlite: await measureIn({ kind: 'sqlite', file: join(folder, 'hub.db') }, devices),
      postgres: await measureIn({ kind: 'postgres', url: (await postgres.createDatabase()).url }, devices),
      sqliteTenfold: await measureIn({ kind: 'sqlite', file: join(folder, 'tenfold.db') }, devices * 10),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

let outputs = 0

async function measure(
  folder: string,
  target: Target,
  devices: number,
  say: BenchOptions['say'],
): Promise<TargetResult> {
  const source = join(folder, `devices-${devices}.csv`)
  const rows = Array.from({ length: devices }, (_, n) => `S${n},"Sensor ${n}"`)
  writeFileSync(source, `device_id,name\n${rows.join('\n')}\n`)
  const importOnce = async () => {
    const args = [child, JSON.stringify(target), source, join(folder, `secrets-${++outputs}.csv`)]
    const { stdout } = await run_(process.execPath, [...process.execArgv, ...args])
    return JSON.parse(stdout) as ImportResult
  }
  const first = await importOnce()
  if (first.report.created !== devices)
    throw new Error(`${first.report.created} of ${devices} devices were created`)
  const second = await importOnce()
  const { created, existing, rotated, failed } = second.report
  if (existing !== devices || created + rotated + failed > 0)
    throw new Error(`the second run was to change nothing: ${JSON.stringify(second.report)}`)
  const result: TargetResult = {
    devices,
    seconds: first.seconds,
    devicesPerSecond: Math.round(devices / first.seconds),
    peakRssMb: first.peakRssMb,
    startRssMb: first.startRssMb,
    again: { seconds: second.seconds, created, existing },
  }
  say(`${target.kind.padEnd(8)} ${JSON.stringify(result)}`)
  return result
}

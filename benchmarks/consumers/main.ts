import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '@devicehub/test-kit'
import { prepareDatabase, type Target } from '../ingest/database.js'
import type { BenchOptions } from '../main.js'
import type { ChildOptions, MeasurementName } from './child.js'

export interface TargetResult {
  /** Messages a second through one consumer, from a log that is there. */
  readonly consumer: number
  /** The same through a loop written by hand. */
  readonly byHand: number
  readonly ratio: number
  /** Ingest alone, messages a second. */
  readonly ingest: number
  /** While ingest runs at half its rate in the same process. */
  readonly lag: { readonly ingest: number; readonly p50Ms: number; readonly p99Ms: number }
}

export interface Result {
  readonly sqlite: TargetResult
  readonly postgres: TargetResult
  /** Queries a minute: a lease that is held, a consumer with nothing to do (its lease included), one that stands by. */
  readonly queriesPerMinute: {
    readonly lease: number
    readonly idleConsumer: number
    readonly standby: number
  }
}

/** Log rows a batch, of the consumer and of the loop by hand: the consumer's defaults. */
const BATCH = { sqlite: 2_000, postgres: 500 }

export async function run({ quick, say }: BenchOptions): Promise<Result> {
  const count = quick ? 50_000 : 500_000
  const seconds = quick ? 5 : 20
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-bench-'))
  await using postgres = await startPostgres()
  const sqlite: Target = { kind: 'sqlite', file: join(folder, 'hub.db') }
  const pg: Target = { kind: 'postgres', url: (await postgres.createDatabase()).url }
  try {
    return {
      sqlite: await compare(sqlite, count, seconds, say),
      postgres: await compare(pg, count, seconds, say),
      queriesPerMinute: await measure('idle', options(pg, { seconds: quick ? 10 : 30 }), say),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const options = (target: Target, extra: Partial<ChildOptions>): ChildOptions => ({
  target,
  count: 0,
  batch: BATCH[target.kind],
  rate: 0,
  seconds: 0,
  ...extra,
})

async function compare(
  target: Target,
  count: number,
  seconds: number,
  say: BenchOptions['say'],
): Promise<TargetResult> {
  say(`${target.kind}: a log of ${count} messages`)
  await prepareDatabase(target)
  const filled = await measure<{ rate: number }>('fill', options(target, { count }), say)
  // Both read the same pages; whoever comes first warms them up, so by hand goes first.
  const byHand = await measure<{ rate: number; sum: number }>('byHand', options(target, { count }), say)
  const consumer = await measure<{ rate: number; sum: number }>('consume', options(target, { count }), say)
  if (consumer.sum !== byHand.sum) throw new Error(`not the same work: ${consumer.sum} and ${byHand.sum}`)
  const rate = filled.rate / 2
  const lag = await measure<{ stored: number; p50: number; p99: number }>(
    'lag',
    options(target, { rate, seconds }),
    say,
  )
  return {
    consumer: Math.round(consumer.rate),
    byHand: Math.round(byHand.rate),
    ratio: Number((consumer.rate / byHand.rate).toFixed(3)),
    ingest: Math.round(filled.rate),
    lag: { ingest: Math.round(lag.stored), p50Ms: lag.p50, p99Ms: lag.p99 },
  }
}

const script = fileURLToPath(new URL('./child.ts', import.meta.url))

async function measure<Result>(
  name: MeasurementName,
  childOptions: ChildOptions,
  say: BenchOptions['say'],
): Promise<Result> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, name, JSON.stringify(childOptions)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`the measurement ${name} ended with ${code}`)
  say(`  ${name.padEnd(8)} ${output.trim()}`)
  return JSON.parse(output) as Result
}

import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AnyDeviceType, createDeviceHub, type DeviceHub, silentLogger } from '@devicehub/core'
import { startPostgres } from '@devicehub/test-kit'
import { storageFor, type Target } from '../ingest/database.js'
import { DEVICES, deviceId } from '../ingest/workload.js'
import type { BenchOptions } from '../main.js'
import { KINDS, type Kind, message, ROUND, STALE_FROM } from './workload.js'

/** Milliseconds. */
interface Times {
  readonly p50: number
  readonly p99: number
}

export interface TargetResult {
  /** Readings stored of each type, of 1,000 devices. */
  readonly readings: number
  /** Rate of ingest, in messages a second, of a type that keeps last values and one that does not. */
  readonly ingest: { readonly kept: number; readonly unkept: number; readonly ratio: number }
  /** `readings.latest` of one device, `latestOf` of 100: with a table of last values, and searched in the samples. */
  readonly one: Record<Kind, Times>
  readonly hundred: Record<Kind, Times>
  /** The search for the p50 of 100 devices, by that of the table. */
  readonly ratioHundred: number
}

/** What last values cost at ingest, and what they spare at read, where one of three readings was not sent for long. */
export async function run({
  quick,
  say,
}: BenchOptions): Promise<Record<'sqlite' | 'postgres', TargetResult>> {
  const readings = quick ? 100_000 : 1_000_000
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-bench-'))
  await using postgres = await startPostgres()
  try {
    return {
      sqlite: await measure({ kind: 'sqlite', file: join(folder, 'latest.db') }, readings, say),
      postgres: await measure(
        { kind: 'postgres', url: (await postgres.createDatabase()).url },
        readings,
        say,
      ),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(target: Target, readings: number, say: BenchOptions['say']): Promise<TargetResult> {
  const types = Object.values(KINDS)
  await using hub = createDeviceHub({ types, storage: storageFor(target), logger: silentLogger })
  await hub.storage.migrate()
  for (const type of types)
    for (let n = 0; n < DEVICES; n++) await hub.devices.create(type, { deviceId: deviceId(n) })
  say(`${target.kind}: ${readings} readings of each type`)
  const ingest = await fill(hub, readings)
  const one = await eachKind((type) => percentiles(300, () => hub.readings.latest(type, anyDevice())))
  const hundred = await eachKind((type) =>
    percentiles(100, () => hub.readings.latestOf(type, Array.from({ length: 100 }, anyDevice))),
  )
  const result = {
    readings,
    ingest: {
      kept: Math.round(ingest.kept),
      unkept: Math.round(ingest.unkept),
      ratio: round(ingest.kept / ingest.unkept, 3),
    },
    one,
    hundred,
    ratioHundred: round(hundred.unkept.p50 / hundred.kept.p50, 1),
  }
  say(`  ingest ${result.ingest.ratio} of the rate without; 100 devices ${JSON.stringify(hundred)}`)
  return result
}

/** In rounds of both types in an order that chance decides: they share whatever the disk does meanwhile. */
async function fill(hub: DeviceHub, readings: number): Promise<Record<Kind, number>> {
  const milliseconds = { kept: 0, unkept: 0 }
  for (let from = 0; from < readings; from += ROUND) {
    const kinds: Kind[] = randomInt(2) === 0 ? ['kept', 'unkept'] : ['unkept', 'kept']
    for (const kind of kinds) {
      const isStale = from / readings > STALE_FROM
      const messages = Array.from({ length: ROUND }, (_, index) =>
        message(KINDS[kind], from + index, isStale),
      )
      const started = performance.now()
      const outcomes = await hub.ingest(messages)
      milliseconds[kind] += performance.now() - started
      if (outcomes.some(({ status }) => status !== 'stored')) throw new Error('a message was not stored')
    }
  }
  const rate = (kind: Kind) => readings / (milliseconds[kind] / 1000)
  return { kept: rate('kept'), unkept: rate('unkept') }
}

async function eachKind<T>(work: (type: AnyDeviceType) => Promise<T>): Promise<Record<Kind, T>> {
  return { kept: await work(KINDS.kept), unkept: await work(KINDS.unkept) }
}

const anyDevice = () => deviceId(randomInt(DEVICES))

async function percentiles(count: number, work: () => Promise<unknown>): Promise<Times> {
  const times: number[] = []
  for (let n = 0; n < count; n++) {
    const started = performance.now()
    await work()
    times.push(performance.now() - started)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => round(times[Math.min(count - 1, Math.floor(count * share))] ?? 0, 2)
  return { p50: at(0.5), p99: at(0.99) }
}

const round = (value: number, digits: number) => Number(value.toFixed(digits))

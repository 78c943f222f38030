/** One measurement in a process of its own. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createDeviceHub, silentLogger } from '@devicehub/core'
import { holdLease } from '@devicehub/core/transport'
import { kyselyStorage } from '@devicehub/storage-kysely'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { storageFor, type Target } from '../ingest/database.js'
import { payload, Station, sample } from '../ingest/workload.js'
import { followByHand, workOn } from './by-hand.js'

export interface ChildOptions {
  readonly target: Target
  readonly count: number
  readonly batch: number
  /** Messages a second that `lag` stores. */
  readonly rate: number
  readonly seconds: number
}

const hubOn = (target: Target) =>
  createDeviceHub({ types: [Station], storage: storageFor(target), logger: silentLogger })

const inbound = (n: number) => {
  const data = sample(n)
  return { topic: data.topic, payload: Buffer.from(payload(data)), source: 'bench' }
}

/** Stores the log; messages a second. */
async function fill({ target, count }: ChildOptions) {
  await using hub = hubOn(target)
  const started = performance.now()
  for (let at = 0; at < count; at += 10_000)
    await hub.ingest(Array.from({ length: Math.min(10_000, count - at) }, (_, n) => inbound(at + n)))
  return { rate: count / ((performance.now() - started) / 1000) }
}

async function consume({ target, count, batch }: ChildOptions) {
  await using hub = hubOn(target)
  const started = performance.now()
  let sum = 0
  const consumer = hub.consume(
    'billing',
    { types: [Station], channels: ['data'], from: 'beginning', maxBatch: batch },
    ({ messages }) => {
      for (const message of messages) sum += workOn(message.payload)
    },
  )
  while (consumer.stats().handled < count) await sleep(2)
  const rate = count / ((performance.now() - started) / 1000)
  return { rate, sum }
}

async function byHand({ target, count, batch }: ChildOptions) {
  const started = performance.now()
  const sum = await followByHand(target, count, batch)
  return { rate: count / ((performance.now() - started) / 1000), sum }
}

/** Stores at a steady rate and consumes in the same process: from just before the commit to the handler. */
async function lag({ target, rate, seconds }: ChildOptions) {
  await using hub = hubOn(target)
  const lags: number[] = []
  const consumer = hub.consume('lag', { types: [Station], from: 'now' }, ({ messages }) => {
    const now = Date.now()
    for (const { row } of messages) lags.push(now - row.processedAt.getTime())
  })
  while (consumer.stats().state !== 'running') await sleep(5)
  const started = performance.now()
  let sent = 0
  let failed = 0
  // Times of their own: the log that is there holds the earlier ones.
  const first = 10_000_000
  while (performance.now() - started < seconds * 1000) {
    const due = Math.floor((rate * (performance.now() - started)) / 1000)
    for (; sent < due; sent++)
      hub.ingest.push(inbound(first + sent), ({ status }) => {
        if (status !== 'stored') failed++
      })
    await sleep(5)
  }
  const stored = sent / ((performance.now() - started) / 1000)
  while (lags.length < sent - failed) await sleep(5)
  if (failed > 0) throw new Error(`${failed} messages were not stored`)
  lags.sort((a, b) => a - b)
  const at = (share: number) => lags[Math.floor(lags.length * share)] ?? 0
  return { stored, p50: at(0.5), p99: at(0.99) }
}

/** Queries a minute of a lease that is only held, of a consumer with nothing to do, and of one that stands by. */
async function idle({ target, seconds }: ChildOptions) {
  if (target.kind !== 'postgres') throw new Error('queries are counted at the driver of PostgreSQL')
  let queries = 0
  const counting = () => {
    const pool = new pg.Pool({ connectionString: target.url, max: 2 })
    const db = new Kysely({ dialect: new PostgresDialect({ pool }), log: () => void queries++ })
    return createDeviceHub({
      types: [Station],
      storage: kyselyStorage({ db, closeDb: true }),
      logger: silentLogger,
    })
  }
  const perMinute = async () => {
    queries = 0
    await sleep(seconds * 1000)
    return Math.round((queries * 60) / seconds)
  }
  await using first = counting()
  const held = {
    leases: first.storage.leases,
    name: 'bench',
    holder: 'bench',
    ttl: '15s' as const,
    logger: silentLogger,
  }
  const lease = await holdLease(held)
  const leaseOnly = await perMinute()
  await lease?.release()
  const runner = first.consume('idle', { types: [Station], from: 'now' }, () => {})
  while (runner.stats().state !== 'running') await sleep(5)
  const idleConsumer = await perMinute()
  await using second = counting()
  const standby = second.consume('idle', { types: [Station], from: 'now' }, () => {})
  while (standby.stats().state !== 'standby') await sleep(5)
  const withStandby = await perMinute()
  return { lease: leaseOnly, idleConsumer, standby: withStandby - idleConsumer }
}

const MEASUREMENTS = { fill, consume, byHand, lag, idle }
export type MeasurementName = keyof typeof MEASUREMENTS

const [name, options] = process.argv.slice(2) as [MeasurementName, string]
const result = await MEASUREMENTS[name](JSON.parse(options) as ChildOptions)
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))

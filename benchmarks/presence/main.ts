import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createDeviceHub,
  createPresenceMonitor,
  defineDeviceType,
  reading,
  type SignalEvents,
  type SignalName,
  type Storage,
  type StorageAdapter,
  silentLogger,
} from '@devicehub/core'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { startPostgres } from '@devicehub/test-kit'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Target } from '../ingest/database.js'
import type { BenchOptions } from '../main.js'

export interface TargetResult {
  readonly devices: number
  /** From the moment the last device was overdue until all were marked; both monitors ran. */
  readonly markedAfterMs: number
  readonly heartbeatIntervalMs: number
  /** Devices that two monitors marked twice, or told of twice or never. */
  readonly wrong: number
  /** What both monitors asked of their storages, from the last moment nobody was overdue until all were marked. */
  readonly calls: number
  /** The same in statements; null where the driver does not show them. */
  readonly queries: number | null
  /** While nobody is silent. */
  readonly idleCallsPerMinute: number
  readonly idleQueriesPerMinute: number | null
}

export interface Result {
  readonly sqlite: TargetResult
  readonly postgres: TargetResult
}

const INTERVAL = 4
const MULTIPLIER = 2.5
const Station = defineDeviceType('station', {
  heartbeatInterval: INTERVAL,
  unknownDevice: 'register',
  readings: { temperature: reading.float() },
})

export async function run({ quick, say }: BenchOptions): Promise<Result> {
  const devices = quick ? 1_000 : 5_000
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-bench-'))
  await using postgres = await startPostgres()
  try {
    return {
      sqlite: await measure({ kind: 'sqlite', file: join(folder, 'hub.db') }, devices, say),
      postgres: await measure({ kind: 'postgres', url: (await postgres.createDatabase()).url }, devices, say),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(target: Target, devices: number, say: BenchOptions['say']): Promise<TargetResult> {
  let queries = 0
  let calls = 0
  const counted = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get(target, name) {
        const value = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          calls++
          return Reflect.apply(value, target, args)
        }
      },
    })
  const counting = (adapter: StorageAdapter): StorageAdapter => ({
    name: adapter.name,
    open(context) {
      const storage = adapter.open(context)
      const commit: Storage['commit'] = (batch) => {
        calls++
        return storage.commit(batch)
      }
      return { ...storage, devices: counted(storage.devices), leases: counted(storage.leases), commit }
    },
  })
  const told = new Map<string, number>()
  const hubOn = () => {
    const dialect =
      target.kind === 'sqlite'
        ? sqliteDialect({ file: target.file })
        : new PostgresDialect({ pool: new pg.Pool({ connectionString: target.url, max: 4 }) })
    const db = new Kysely<unknown>({ dialect, log: () => void queries++ })
    const signals = {
      emit<Name extends SignalName>(name: Name, { device }: SignalEvents[Name]) {
        if (name === 'deviceDisconnected') told.set(device.deviceId, (told.get(device.deviceId) ?? 0) + 1)
      },
      hasSubscribers: (name: SignalName) => name === 'deviceDisconnected',
    }
    return createDeviceHub({
      types: [Station],
      storage: counting(kyselyStorage({ db, closeDb: true })),
      signals,
      logger: silentLogger,
    })
  }
  await using first = hubOn()
  await using second = hubOn()
  await first.storage.migrate()
  const send = () =>
    first.ingest(
      Array.from({ length: devices }, (_, n) => ({
        topic: `things/station/s${n}/data`,
        payload: Buffer.from('{"temperature":21.5}'),
        source: 'bench',
      })),
    )
  await using one = createPresenceMonitor(first)
  await using two = createPresenceMonitor(second)
  const marked = () => one.stats().marked + two.stats().marked

  // Alive for longer than the grace of the start: nobody may be marked.
  const alive = performance.now()
  let lastSent = 0
  while (performance.now() - alive < (MULTIPLIER + 1) * INTERVAL * 1000) {
    await send()
    lastSent = performance.now()
    await sleep(INTERVAL * 500)
  }
  if (marked() > 0) throw new Error(`${marked()} devices were marked that were alive`)
  const idle = { calls, queries, since: performance.now() }
  await sleep(INTERVAL * 1000)
  const perMinute = (count: number) => Math.round((count * 60_000) / (performance.now() - idle.since))
  const idleCallsPerMinute = perMinute(calls - idle.calls)
  const idleQueriesPerMinute = perMinute(queries - idle.queries)

  const overdueAt = lastSent + MULTIPLIER * INTERVAL * 1000
  while (performance.now() < overdueAt - 50) await sleep(5)
  const start = { calls, queries }
  while (marked() < devices) await sleep(2)
  const markedAfterMs = Math.round(performance.now() - overdueAt)
  const spent = { calls: calls - start.calls, queries: queries - start.queries }
  // Time enough for a second mark of the same devices to show.
  await sleep(INTERVAL * 1000)
  const wrong = devices - [...told.values()].filter((count) => count === 1).length + (marked() - devices)
  const result = {
    devices,
    markedAfterMs,
    heartbeatIntervalMs: INTERVAL * 1000,
    wrong,
    calls: spent.calls,
    // SQLite works in a thread of its own, behind Kysely's log.
    queries: target.kind === 'sqlite' ? null : spent.queries,
    idleCallsPerMinute,
    idleQueriesPerMinute: target.kind === 'sqlite' ? null : idleQueriesPerMinute,
  }
  say(`${target.kind.padEnd(8)} ${JSON.stringify(result)}`)
  return result
}

import { accept, options as checkOptions, integer, optional } from '../model/check/index.js'
import type { NewCommand } from '../ports/commands.js'
import type { CompleteStorage, StorageAdapter, StorageContext } from '../ports/storage.js'
import { defineStorage } from '../rules/define-storage.js'
import { storageClosed } from '../rules/storage-errors.js'
import { aggregate } from './aggregate.js'
import { commit } from './commit.js'
import { consumerStore } from './consumers.js'
import { MemoryDatabase } from './database.js'
import {
  countDevices,
  createDevice,
  deleteDevice,
  ensureDevices,
  findDevices,
  listDevices,
  overdueDevices,
  overview,
  rowWithin,
  setBackDevices,
  updateDevice,
  updateDevices,
} from './devices.js'
import { leaseStore } from './leases.js'
import { countLog, endOfLog, listMessages, readLog, seekLog } from './messages.js'
import { openMemory } from './opened-memory.js'
import { listSamples } from './readings.js'
import { applyRetention } from './retention.js'
import {
  latestSamplesWithin,
  latestWithin,
  messageWithin,
  visibleCommands,
  visibleMessages,
  visibleSamples,
} from './scoped-reads.js'

/** How much is kept; past a bound the oldest go. */
export interface MemoryStorageOptions {
  /** Messages kept over all types; the oldest go first. Default 100,000. */
  readonly maxMessages?: number
  /** Payload of all messages together, in bytes (characters of JSON text). Default 64 MiB. */
  readonly maxMessageBytes?: number
  /** Samples kept over all types; the oldest arrivals go first. Default 100,000. */
  readonly maxReadings?: number
  /** JSON, texts and bytes of all samples together. Default 64 MiB. */
  readonly maxReadingBytes?: number
  /** Commands kept; the oldest finished ones go first. Default 100,000. */
  readonly maxCommands?: number
}

/** The storage of one process, in memory, with what it dropped. */
export interface MemoryStorage extends StorageAdapter {
  /** How many rows went because a bound was reached. */
  readonly dropped: { readonly messages: number; readonly readings: number; readonly commands: number }
}

const DEFAULTS = {
  maxMessages: 100_000,
  maxMessageBytes: 64 * 1024 * 1024,
  maxReadings: 100_000,
  maxReadingBytes: 64 * 1024 * 1024,
  maxCommands: 100_000,
}

const NO_DEVICE_SET = { outcome: 'device_not_found' } as const

const COUNT = optional(integer({ min: 1 }))
const BOUNDS = checkOptions<MemoryStorageOptions>({
  maxMessages: COUNT,
  maxMessageBytes: COUNT,
  maxReadings: COUNT,
  maxReadingBytes: COUNT,
  maxCommands: COUNT,
})

/**
 * A storage in this process's memory, for trying things out and for tests: it is the reference implementation of the
 * port, and everything is gone with the process. The data belongs to the adapter: what it opens shares it, and closing
 * does not lose it.
 *
 * @example
 * import { createDeviceHub, memoryStorage } from '@devicehub/core'
 * import { WeatherStation } from './hub.js'
 *
 * const storage = memoryStorage({ maxMessages: 10_000 })
 * const hub = createDeviceHub({ types: [WeatherStation], storage })
 */
export function memoryStorage(options: MemoryStorageOptions = {}): MemoryStorage {
  const bounds = { ...DEFAULTS, ...accept('memoryStorage', 'options', BOUNDS, options) }
  const database = new MemoryDatabase(bounds)
  return {
    ...defineStorage('memory', (context) => openStorage(database, context)),
    get dropped() {
      return database.dropped
    },
  }
}

function openStorage(database: MemoryDatabase, { types }: StorageContext): CompleteStorage {
  const opened = openMemory(database.telemetry, types)
  let closed = false
  const isWithin = ({ type, deviceId, within }: NewCommand) =>
    within === undefined || rowWithin(database, opened, type, deviceId, within) !== null
  const run = async <T>(work: () => T): Promise<T> => {
    if (closed) throw storageClosed()
    return work()
  }
  return {
    devices: {
      create: (type, device) => run(() => createDevice(opened, type, device)),
      ensure: (type, devices) => run(() => ensureDevices(opened, type, devices)),
      find: (type, deviceIds, within) => run(() => findDevices(database, opened, type, deviceIds, within)),
      list: (type, condition, page) => run(() => listDevices(database, opened, type, condition, page)),
      count: (type, condition, max) => run(() => countDevices(database, opened, type, condition, max)),
      overview: (type, condition, request) => run(() => overview(database, opened, type, condition, request)),
      overdue: (type, query) => run(() => overdueDevices(opened, type, query)),
      setBack: (type, request) => run(() => setBackDevices(opened, type, request)),
      update: (type, deviceId, patch, now, within) =>
        run(() => updateDevice(database, opened, type, deviceId, patch, now, within)),
      updateMany: (type, deviceIds, patch, now, within) =>
        run(() => updateDevices(database, opened, type, deviceIds, patch, now, within)),
      delete: (type, deviceId, now, within) =>
        run(() => deleteDevice(database, opened, type, deviceId, now, within)),
    },
    readings: {
      list: (type, filter, page) =>
        run(() =>
          listSamples(opened, type, filter, page, visibleSamples(database, opened, type, filter.within)),
        ),
      latest: (type, deviceIds, within) => run(() => latestWithin(database, opened, type, deviceIds, within)),
      latestSamples: (type, deviceIds, within) =>
        run(() => latestSamplesWithin(database, opened, type, deviceIds, within)),
      aggregate: (type, query) =>
        run(() => aggregate(opened, type, query, visibleSamples(database, opened, type, query.within))),
    },
    messages: {
      list: (type, filter, page) =>
        run(() =>
          listMessages(opened, type, filter, page, visibleMessages(database, opened, type, filter.within)),
        ),
      get: (ref, within) => run(() => messageWithin(database, opened, ref, within)),
    },
    log: {
      read: (types, cursor, limit, maxBytes) => run(() => readLog(opened, types, cursor, limit, maxBytes)),
      end: () => run(() => endOfLog(opened)),
      seek: (types, time) => run(() => seekLog(opened, types, time)),
      count: (types, cursor, max) => run(() => countLog(opened, types, cursor, max)),
    },
    leases: leaseStore(database.leases, run),
    consumers: consumerStore(database.consumers, run),
    commands: {
      create: (commands, claim) => run(() => database.commands.create(opened, commands, claim, isWithin)),
      find: (ids, within) =>
        run(() => database.commands.find(ids, visibleCommands(database, opened, within))),
      list: (filter, page) =>
        run(() => database.commands.list(filter, page, visibleCommands(database, opened, filter.within))),
      claimDue: (request) => run(() => database.commands.claimDue(request)),
      release: (claim, ids, delay) => run(() => database.commands.release(claim, ids, delay)),
      wake: (type, ids) => run(() => database.commands.wake(type.key, new Set(ids))),
    },
    twins: {
      get: (type, deviceId, within) =>
        run(
          () =>
            rowWithin(database, opened, type, deviceId, within) && database.twins.get(opened, type, deviceId),
        ),
      setDesired: (change) =>
        run(() =>
          rowWithin(database, opened, change.type, change.deviceId, change.within)
            ? database.twins.setDesired(opened, change)
            : NO_DEVICE_SET,
        ),
      claimDue: (request) => run(() => database.twins.claimDue(request)),
      release: (claim, twins, delay) => run(() => database.twins.release(claim, twins, delay)),
    },
    credentials: {
      find: (kind, lookups) => run(() => database.credentials.find(opened, kind, lookups)),
      ofDevices: (type, ids) =>
        run(() => {
          opened.tableOf(type)
          return database.credentials.ofDevices(type.key, ids)
        }),
      write: (writes) => run(() => database.credentials.write(opened, writes)),
      changes: (position, limit) => run(() => database.credentials.changes(position, limit)),
    },
    claims: {
      createKey: (key) => run(() => database.claims.createKey(key)),
      findKey: (lookup) => run(() => database.claims.findKey(lookup)),
      listKeys: (page) => run(() => database.claims.listKeys(page)),
      revokeKey: (id, now) => run(() => database.claims.revokeKey(id, now)),
      claim: (request) => run(() => database.claims.claim(opened, request)),
    },
    plan: () => run(() => ({ steps: [] })),
    migrate: () => run(() => ({ steps: [] })),
    commit: (batch) => run(() => commit(database, opened, batch)),
    applyRetention: (now, request) => run(() => applyRetention(database, opened, now, request)),
    close: async () => {
      closed = true
    },
  }
}

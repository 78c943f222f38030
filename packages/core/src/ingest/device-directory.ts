import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import type { DeviceStatus } from '../model/statuses.js'
import type { Clock } from '../ports/clock.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { Storage } from '../ports/storage.js'
import { toDevice } from '../rules/device-row.js'

/** A device as ingest knows it. `status`, `statusAt` and `statusClaimedAt` run ahead of the record: they hold what is being committed. */
export interface KnownDevice {
  readonly deviceId: string
  record: DeviceRecord | null
  status: DeviceStatus
  statusAt: number
  statusClaimedAt: number | null
  /** The `last_seen` last sent to the database. */
  touchedAt: number
  loadedAt: number
  device: Device | null
}

/** As its row says. */
export const knownDevice = (record: DeviceRecord, loadedAt: number): KnownDevice => ({
  deviceId: record.deviceId,
  record,
  status: record.status,
  statusAt: record.statusAt ?? Number.NEGATIVE_INFINITY,
  statusClaimedAt: record.statusClaimedAt,
  touchedAt: record.lastSeen ?? 0,
  loadedAt,
  device: null,
})

export interface DirectoryOptions {
  /** Devices remembered, over all types; the least recently read go first. */
  readonly max: number
  /** Milliseconds after which a known device is looked up again, in the background. */
  readonly refreshAfter: number
  /** Milliseconds after which an id that was unknown is looked up again. */
  readonly unknownFor: number
}

/**
 * What ingest remembers of devices, so that a message costs no query. An entry older than `refreshAfter` is used once
 * more while it is read anew; one three times as old is not used before it was. That bounds how long another process
 * goes on accepting a device that was deactivated.
 */
export interface DeviceDirectory {
  /** Undefined: ask `load` first. A null record: there is no such device. */
  get(type: AnyDeviceType, deviceId: string): KnownDevice | undefined
  /**
   * Reads them anew; resolves with each of them by id. Who needs a device takes it from there: by then `get` may have
   * lost it again, to its age after a slow query, to `forget` or to newer entries.
   */
  load(type: AnyDeviceType, deviceIds: readonly string[]): Promise<ReadonlyMap<string, KnownDevice>>
  forget(type: AnyDeviceType, deviceId: string): void
  /** What a commit made of the row of a device. */
  settle(type: AnyDeviceType, known: KnownDevice, committed: Partial<DeviceRecord>): void
  deviceOf(type: AnyDeviceType, known: KnownDevice): Device
  readonly size: number
}

export function createDeviceDirectory(
  storage: Storage,
  clock: Clock,
  options: DirectoryOptions,
): DeviceDirectory {
  const entries = new Map<string, KnownDevice>()
  const stale = new Map<AnyDeviceType, Set<string>>()
  let refreshing = false
  const keyOf = (type: AnyDeviceType, deviceId: string) => `${type.key}/${deviceId}`

  function get(type: AnyDeviceType, deviceId: string): KnownDevice | undefined {
    const known = entries.get(keyOf(type, deviceId))
    if (known === undefined) return undefined
    // Of a clock that was set back an entry is of no known age: as old as it was set back, at least.
    const age = Math.abs(clock.now() - known.loadedAt)
    if (known.record === null) return age > options.unknownFor ? undefined : known
    if (age > options.refreshAfter) {
      if (age > options.refreshAfter * 3) return undefined
      refreshLater(type, deviceId)
    }
    return known
  }

  function refreshLater(type: AnyDeviceType, deviceId: string): void {
    const ids = stale.get(type) ?? new Set()
    stale.set(type, ids.add(deviceId))
    if (refreshing) return
    refreshing = true
    // A pause collects the devices of many batches into one query.
    setTimeout(refresh, Math.min(500, options.refreshAfter / 4)).unref?.()
  }

  async function refresh(): Promise<void> {
    const due = [...stale]
    stale.clear()
    // A failure leaves the entries to age out: the next message then waits for its own look-up, and sees the error.
    for (const [type, ids] of due) await load(type, [...ids]).catch(() => undefined)
    refreshing = false
  }

  async function load(
    type: AnyDeviceType,
    deviceIds: readonly string[],
  ): Promise<ReadonlyMap<string, KnownDevice>> {
    const loadedAt = clock.now()
    const records = await storage.devices.find(type, deviceIds)
    const byId = new Map(records.map((record) => [record.deviceId, record]))
    return new Map(
      deviceIds.map((deviceId) => [deviceId, put(type, deviceId, byId.get(deviceId) ?? null, loadedAt)]),
    )
  }

  function put(
    type: AnyDeviceType,
    deviceId: string,
    record: DeviceRecord | null,
    loadedAt: number,
  ): KnownDevice {
    const key = keyOf(type, deviceId)
    const before = entries.get(key)
    const known: KnownDevice = {
      deviceId,
      record,
      status: record?.status ?? 'offline',
      statusAt: record?.statusAt ?? Number.NEGATIVE_INFINITY,
      statusClaimedAt: record?.statusClaimedAt ?? null,
      touchedAt: Math.max(before?.touchedAt ?? 0, record?.lastSeen ?? 0),
      loadedAt,
      device: null,
    }
    entries.delete(key)
    entries.set(key, known)
    if (entries.size > options.max) entries.delete(entries.keys().next().value as string)
    return known
  }

  return {
    get,
    load,
    forget: (type, deviceId) => void entries.delete(keyOf(type, deviceId)),
    settle(type, known, committed) {
      if (known.record === null) return
      const record = { ...known.record, ...committed }
      known.record = record
      known.status = record.status
      known.statusAt = record.statusAt ?? Number.NEGATIVE_INFINITY
      known.statusClaimedAt = record.statusClaimedAt
      known.touchedAt = Math.max(known.touchedAt, record.lastSeen ?? 0)
      known.device = null
      // It was read anew meanwhile, nobody knows on which side of the commit.
      const key = keyOf(type, known.deviceId)
      if (entries.get(key) !== known) entries.delete(key)
    },
    deviceOf(type, known) {
      if (known.record === null) throw new TypeError(`there is no record of ${type.name} ${known.deviceId}`)
      known.device ??= toDevice(type, {
        ...known.record,
        status: known.status,
        lastSeen: known.touchedAt || known.record.lastSeen,
      })
      return known.device
    },
    get size() {
      return entries.size
    },
  }
}

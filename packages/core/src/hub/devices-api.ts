import type { BulkTarget } from '../commands/bulk.js'
import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import type { InferState } from '../model/device-type/infer.js'
import { assertDeviceId } from '../model/topic/index.js'
import type { DevicePatch, FleetOverview } from '../ports/devices.js'
import type { Page } from '../ports/storage.js'
import {
  acceptChange,
  acceptNewDevice,
  type NewDevice,
  storedState,
  toDevice,
  toRecord,
} from '../rules/device-row.js'
import { isReachable } from '../rules/states.js'
import type {
  BulkDeviceUpdate,
  BulkUpdateResult,
  DeviceCount,
  DeviceCountQuery,
  DeviceQuery,
  DeviceUpdate,
  OverviewQuery,
} from './device-queries.js'
import { createFleetQueries } from './fleet-queries.js'
import { deviceNotFound, type MarkContext, type MarkOptions, markStatus } from './mark-status.js'
import { acceptDeviceId } from './rules.js'
import { updateMany } from './update-devices.js'

/** The devices of each type. A type that is not of this hub is refused with `unknown_type`. */
export interface DevicesApi {
  /**
   * `device_exists` when the id is taken, `invalid_device_id` when it cannot be a topic level.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * await hub.devices.create(WeatherStation, { deviceId: 'STATION-001', name: 'Roof' })
   */
  create<T extends AnyDeviceType>(type: T, device: NewDevice<InferState<T>>): Promise<Device<InferState<T>>>
  /**
   * Null when there is none.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const station = await hub.devices.get(WeatherStation, 'STATION-001')
   * station?.state.recording_mode // 'continuous'
   */
  get<T extends AnyDeviceType>(type: T, deviceId: string): Promise<Device<InferState<T>> | null>
  /**
   * A page of them, newest first unless `sort` says otherwise. A device whose place in the order stays is on exactly one
   * page, whatever is created and changed meanwhile. A cursor belongs to its query.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { items, cursor } = await hub.devices.list(WeatherStation, { status: 'online', limit: 50 })
   */
  list<T extends AnyDeviceType>(type: T, query?: DeviceQuery<T>): Promise<Page<Device<InferState<T>>>>
  /**
   * The devices of all types, as one list. The key `type` of a query narrows it.
   *
   * @example
   * import { hub } from './hub.js'
   *
   * const { items } = await hub.devices.listAll({ labels: { site: 'north' }, sort: '-lastSeen' })
   * items.map(({ type, deviceId }) => `${type.name} ${deviceId}`)
   */
  listAll(query?: DeviceQuery): Promise<Page<Device>>
  /**
   * How many there are, up to a bound: on a large fleet counting all costs more than a page.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { count, isExact } = await hub.devices.count(WeatherStation, { batteryLevel: { lt: 20 } })
   */
  count<T extends AnyDeviceType>(type: T, query?: DeviceCountQuery<T>): Promise<DeviceCount>
  /** The same over all types. */
  countAll(query?: DeviceCountQuery): Promise<DeviceCount>
  /**
   * The fleet in figures: by status, silent, with a low battery, by the values of labels.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { total, byStatus, byLabel } = await hub.devices.overview(WeatherStation, { byLabels: ['site'] })
   */
  overview<T extends AnyDeviceType>(type: T, query?: OverviewQuery<T>): Promise<FleetOverview>
  /**
   * What is left out stays; metadata is replaced as a whole. The status `online` moves `last_seen` too; signals are
   * told by `markOnline` and `markOffline` alone. `device_not_found` when there is none.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * await hub.devices.update(WeatherStation, 'STATION-001', { name: 'Roof, north' })
   */
  update<T extends AnyDeviceType>(
    type: T,
    deviceId: string,
    change: DeviceUpdate<InferState<T>>,
  ): Promise<Device<InferState<T>>>
  /**
   * The same change of many devices, in steps of 500 that are each all or nothing: an error ends it, and the steps before
   * it stay.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const filter = { labels: { site: 'north' } }
   * await hub.devices.updateMany(WeatherStation, { filter }, { labels: { site: 'north-1', old: null } })
   */
  updateMany<T extends AnyDeviceType>(
    type: T,
    target: BulkTarget<T>,
    change: BulkDeviceUpdate,
  ): Promise<BulkUpdateResult>
  /** Its messages are rejected from now on; other processes follow within their directory's refresh time. */
  deactivate<T extends AnyDeviceType>(type: T, deviceId: string): Promise<Device<InferState<T>>>
  /** Undoes `deactivate`. `device_not_found` when there is none. */
  activate<T extends AnyDeviceType>(type: T, deviceId: string): Promise<Device<InferState<T>>>
  /**
   * Makes a device `online` as a status of its own would: moves `last_seen`, writes an audit row (`direction` `hub`,
   * `source` `devices`), tells signals, hooks and consumers, sends commands that waited. Of one that is online it only
   * moves `last_seen`. For what hears of a device beside ingest, such as a gateway. `device_not_found` when there is
   * none.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * await hub.devices.markOnline(WeatherStation, 'STATION-001', { reason: 'seen by the gateway' })
   */
  markOnline<T extends AnyDeviceType>(
    type: T,
    deviceId: string,
    options?: MarkOptions,
  ): Promise<Device<InferState<T>>>
  /** The same for `offline`. It leaves `last_seen` alone, and does nothing to a device that is offline. */
  markOffline<T extends AnyDeviceType>(
    type: T,
    deviceId: string,
    options?: MarkOptions,
  ): Promise<Device<InferState<T>>>
  /** Deletes the device and its readings; its messages stay as the audit trail. False when there was none. */
  delete(type: AnyDeviceType, deviceId: string): Promise<boolean>
}

export interface DevicesContext extends MarkContext {
  readonly types: readonly AnyDeviceType[]
  readonly deviceIdMaxLength: number
  readonly maxMetadata: number
}

export function createDevicesApi(context: DevicesContext): DevicesApi {
  const { storage, directory, clock, deviceIdMaxLength, maxMetadata, assertType, onReachable } = context
  const fleet = createFleetQueries(context)
  const typed = <T extends AnyDeviceType>(device: Device) => device as Device<InferState<T>>

  async function update<T extends AnyDeviceType>(
    call: string,
    type: T,
    givenId: string,
    given: DeviceUpdate<InferState<T>>,
  ) {
    assertType(call, type)
    const deviceId = acceptDeviceId(call, givenId)
    const change = acceptChange(call, given, maxMetadata)
    const now = clock.now()
    const record = await storage.devices.update(type, deviceId, toPatch(type, change, now), now)
    directory.forget(type, deviceId)
    if (record === null) throw deviceNotFound(type, deviceId)
    if (change.status !== undefined && isReachable(change.status)) {
      if (storage.capabilities.control) await storage.commands.wake(type, [deviceId])
      onReachable()
    }
    return typed<T>(toDevice(type, record))
  }

  return {
    async create(type, given) {
      assertType('devices.create', type)
      const device = acceptNewDevice('devices.create', given, maxMetadata)
      assertDeviceId(device.deviceId, deviceIdMaxLength)
      const record = toRecord(type, device, clock.now())
      await storage.devices.create(type, record)
      directory.forget(type, device.deviceId)
      return typed(toDevice(type, record))
    },
    async get(type, deviceId) {
      assertType('devices.get', type)
      const [record] = await storage.devices.find(type, [acceptDeviceId('devices.get', deviceId)])
      return record === undefined ? null : typed(toDevice(type, record))
    },
    ...fleet,
    updateMany: (type, target, change) => updateMany(context, type, target, change),
    update: (type, deviceId, change) => update('devices.update', type, deviceId, change),
    deactivate: (type, deviceId) => update('devices.deactivate', type, deviceId, { isActive: false }),
    activate: (type, deviceId) => update('devices.activate', type, deviceId, { isActive: true }),
    markOnline: async (type, deviceId, how) =>
      typed(await markStatus(context, 'online', type, deviceId, how)),
    markOffline: async (type, deviceId, how) =>
      typed(await markStatus(context, 'offline', type, deviceId, how)),
    async delete(type, givenId) {
      assertType('devices.delete', type)
      const deviceId = acceptDeviceId('devices.delete', givenId)
      const deleted = await storage.devices.delete(type, deviceId, clock.now())
      directory.forget(type, deviceId)
      return deleted
    },
  }
}

function toPatch(
  type: AnyDeviceType,
  { state, status, ...plain }: ReturnType<typeof acceptChange>,
  now: number,
): DevicePatch {
  return {
    ...plain,
    // A status set by hand is news of now: a report measured before it does not undo it.
    ...(status === undefined ? {} : { status, statusAt: now }),
    // Who says that it is there now starts its heartbeat: the presence monitor leaves alone what was never seen.
    ...(status === 'online' ? { lastSeen: now } : {}),
    ...(state === undefined ? {} : { state: storedState(type, state) }),
  }
}

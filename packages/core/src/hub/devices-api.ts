import type { BulkTarget } from '../commands/bulk.js'
import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import type { InferState } from '../model/device-type/infer.js'
import type { FleetOverview } from '../ports/devices.js'
import type { Page } from '../ports/storage.js'
import type { NewDevice } from '../rules/device-row.js'
import type { ApiStorage } from './api-storage.js'
import type {
  BulkDeviceUpdate,
  BulkUpdateResult,
  DeviceCount,
  DeviceCountQuery,
  DeviceQuery,
  DeviceUpdate,
  OverviewQuery,
} from './device-queries.js'
import { type MarkContext, type MarkOptions, markStatus } from './mark-status.js'
import type { HubScope } from './scope/scope.js'

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
  /**
   * Deletes the readings of the device in steps, then the device; its messages stay as the audit trail. False when there
   * was none. When it rejects, the device may be there with fewer readings: delete it again.
   */
  delete(type: AnyDeviceType, deviceId: string): Promise<boolean>
}

export interface DevicesContext extends Omit<MarkContext, 'storage'> {
  readonly storage: ApiStorage
  readonly types: readonly AnyDeviceType[]
  readonly deviceIdMaxLength: number
  readonly maxMetadata: number
  /** Absent: all devices. */
  readonly scope?: HubScope
}

/** Those of the whole hub alone. */
export function createMarks(context: MarkContext): Pick<DevicesApi, 'markOnline' | 'markOffline'> {
  const mark =
    (status: 'online' | 'offline'): DevicesApi['markOnline'] =>
    async <T extends AnyDeviceType>(type: T, deviceId: string, how?: MarkOptions) =>
      (await markStatus(context, status, type, deviceId, how)) as Device<InferState<T>>
  return { markOnline: mark('online'), markOffline: mark('offline') }
}

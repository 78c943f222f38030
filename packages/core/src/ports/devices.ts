import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { DeviceStatus } from '../model/statuses.js'
import type { StoredValue } from '../model/values.js'
import type { Page, PageRequest } from './page.js'

/** The row of a device. Times are epoch milliseconds. */
export interface DeviceRecord {
  /** Unique within the type. */
  readonly deviceId: string
  /** For people; at most 255 characters. */
  readonly name: string
  /** Its present status. */
  readonly status: DeviceStatus
  /** When the news came in that set status, battery and firmware: the hub's time, not the device's. */
  readonly statusAt: number | null
  /** The device's own time of the latest report that had one: it orders the device's reports among themselves; null: any counts. */
  readonly statusClaimedAt: number | null
  /** Percent; null: never reported. */
  readonly batteryLevel: number | null
  /** When the hub last heard of it; null: never. */
  readonly lastSeen: number | null
  /** Null: unknown. */
  readonly firmwareVersion: string | null
  /** False: its messages are rejected. */
  readonly isActive: boolean
  /** When the connection began that the broker told of last; null: it tells of none. */
  readonly sessionAt: number | null
  /** At brokers; null: it has no password there. */
  readonly mqttUsername: string | null
  /** JSON text of an object. */
  readonly metadata: string
  /** In the order of `type.stateNames`. */
  readonly state: readonly StoredValue[]
  /** When it was created. */
  readonly createdAt: number
  /** When its row was last changed. */
  readonly updatedAt: number
}

/** What to change of a row; what is absent stays. */
export type DevicePatch = Partial<Omit<DeviceRecord, 'deviceId' | 'createdAt' | 'updatedAt' | 'state'>> & {
  /** By name of the state field. */
  readonly state?: Readonly<Record<string, StoredValue>>
}

/** Which devices; what is absent does not count. */
export interface DeviceFilter {
  /** With one status. */
  readonly status?: DeviceStatus
  /** Only the active ones, or only the others. */
  readonly isActive?: boolean
  /** Part of the device id or name. A to Z match in either case, all other characters exactly; `%` and `_` are ordinary ones. */
  readonly search?: string
}

/** Devices that gave no sign of life: active, seen once, neither seen nor their status changed at `before` or later. */
export interface OverdueQuery extends PageRequest {
  /** Epoch milliseconds. */
  readonly before: number
  /** Only those whose present status is one of these. */
  readonly statuses: readonly DeviceStatus[]
}

/** Times of the hub in the rows of devices that lie ahead of its clock. */
export interface SetBackRequest {
  /** A `last_seen` or `status_at` after this time is one. Epoch milliseconds. */
  readonly after: number
  /** It becomes this time. Epoch milliseconds. */
  readonly now: number
}

/** The devices of each type. */
export interface DeviceStore {
  /** `device_exists` when the id is taken. */
  create(type: AnyDeviceType, device: DeviceRecord): Promise<void>
  /** Creates those that do not exist, in one statement or transaction; existing ones are untouched. */
  ensure(type: AnyDeviceType, devices: readonly DeviceRecord[]): Promise<void>
  /** Those that exist, in any order. */
  find(type: AnyDeviceType, deviceIds: readonly string[]): Promise<readonly DeviceRecord[]>
  /** Newest first (created_at, then device_id, both descending). */
  list(type: AnyDeviceType, filter: DeviceFilter, page: PageRequest): Promise<Page<DeviceRecord>>
  /** Each once over all pages, in any order, also when those of earlier pages are changed meanwhile. */
  overdue(type: AnyDeviceType, query: OverdueQuery): Promise<Page<DeviceRecord>>
  /**
   * Sets times back that were written by a clock that was ahead, so that silence is noticed and news is not taken for old.
   * Nothing else of the rows is changed. How many devices had one.
   */
  setBack(type: AnyDeviceType, request: SetBackRequest): Promise<number>
  /** The record after the change; null when there is none. */
  update(type: AnyDeviceType, deviceId: string, patch: DevicePatch, now: number): Promise<DeviceRecord | null>
  /**
   * Deletes the device, its readings and last values; its messages stay as the audit trail. With the control group also
   * its credentials and its desired state (the version stays, and what the broker retains is due to be cleared), and
   * cancels its commands. False when there was none.
   */
  delete(type: AnyDeviceType, deviceId: string, now: number): Promise<boolean>
}

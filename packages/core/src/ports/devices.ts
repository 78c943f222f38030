import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition, DeviceValue } from '../model/selector/condition.js'
import type { Labels } from '../model/selector/labels.js'
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
  /** By key, the keys in their order. */
  readonly labels: Labels
  /** In the order of `type.stateNames`. */
  readonly state: readonly StoredValue[]
  /** When it was created. */
  readonly createdAt: number
  /** When its row was last changed. */
  readonly updatedAt: number
}

/** What to change of a row; what is absent stays. */
export type DevicePatch = Partial<
  Omit<DeviceRecord, 'deviceId' | 'createdAt' | 'updatedAt' | 'state' | 'labels'>
> & {
  /** By key; null takes a label away. */
  readonly labels?: Readonly<Record<string, string | null>>
  /** By name of the state field. */
  readonly state?: Readonly<Record<string, StoredValue>>
}

/** What may be changed of several devices at once. */
export type SharedPatch = Pick<DevicePatch, 'name' | 'isActive' | 'firmwareVersion' | 'metadata' | 'labels'>

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

/**
 * An order of devices: by a value, of equal ones by device id in the same direction, and those without the value at the
 * end either way. Texts are in the order of their code points, false is before true.
 */
export interface DeviceSort {
  /** No JSON, bytes or places. */
  readonly by: DeviceValue
  /** The greatest first. */
  readonly descending: boolean
}

/** By creation: the order of lists, where none is asked for. */
export const NEWEST_FIRST: DeviceSort = { by: { of: 'device', name: 'createdAt' }, descending: true }

/** A place in an order: that of a device when it was read. */
export interface DevicePosition {
  /** What it is sorted by, as it is stored; null: the device has none. */
  readonly value: string | number | boolean | null
  /** Of the device. */
  readonly deviceId: string
}

/** How much of a list of devices, and from where. */
export interface DeviceListRequest extends Omit<PageRequest, 'cursor'> {
  /** Default `NEWEST_FIRST`. */
  readonly sort?: DeviceSort | undefined
  /** Only what comes after it; absent: from the beginning. There need not be a device at it. */
  readonly after?: DevicePosition | undefined
  /** With `after`: a device that stands right there is also given. Default false. */
  readonly inclusive?: boolean | undefined
}

/** Some of a list. */
export interface DeviceListPage {
  /** In order, each with its place. */
  readonly items: readonly { readonly record: DeviceRecord; readonly position: DevicePosition }[]
  /** Whether there are others behind the last. */
  readonly more: boolean
}

/** What is counted of the devices of a type. */
export interface OverviewRequest {
  /** Keys of labels whose values are counted. */
  readonly labels: readonly string[]
  /** Those that were heard of last before it are silent, epoch milliseconds. */
  readonly seenBefore: number
  /** Percent. */
  readonly batteryBelow: number
  /** Of each label, the most frequent ones. */
  readonly maxValues: number
}

/** How many devices there are of which kind. Deactivated ones are in `total`, `byStatus` and `byLabel` too, not in the others. */
export interface FleetOverview {
  /** All of them. */
  readonly total: number
  /** Only those statuses that a device has. */
  readonly byStatus: { readonly [Status in DeviceStatus]?: number }
  /** Deactivated. */
  readonly inactive: number
  /** Heard of once, and not for a time. */
  readonly silent: number
  /** Never heard of. */
  readonly neverSeen: number
  /** With less than `batteryBelow` percent. */
  readonly lowBattery: number
  /** By key: the most frequent first, of equal ones by value. */
  readonly byLabel: Readonly<Record<string, LabelCounts>>
}

/** How often a label has which value. */
export interface LabelCounts {
  /** The most frequent ones. */
  readonly values: readonly { readonly value: string; readonly count: number }[]
  /** Devices with a value that is not among these. */
  readonly others: number
  /** Devices without the label. */
  readonly without: number
}

/** The devices of each type. */
export interface DeviceStore {
  /** `device_exists` when the id is taken. */
  create(type: AnyDeviceType, device: DeviceRecord): Promise<void>
  /** Creates those that do not exist, in one statement or transaction; existing ones are untouched. */
  ensure(type: AnyDeviceType, devices: readonly DeviceRecord[]): Promise<void>
  /** Those that exist, in any order; with `within` of those for which it holds. */
  find(
    type: AnyDeviceType,
    deviceIds: readonly string[],
    within?: Condition,
  ): Promise<readonly DeviceRecord[]>
  /** Those for which the condition holds, in the order asked for. A page ends as `PageRequest.maxBytes` says. */
  list(type: AnyDeviceType, condition: Condition, request: DeviceListRequest): Promise<DeviceListPage>
  /** For how many it holds; `max` when it holds for more. */
  count(type: AnyDeviceType, condition: Condition, max: number): Promise<number>
  /** How many of those for which the condition holds are of which kind. */
  overview(type: AnyDeviceType, condition: Condition, request: OverviewRequest): Promise<FleetOverview>
  /** Each once over all pages, in any order, also when those of earlier pages are changed meanwhile. */
  overdue(type: AnyDeviceType, query: OverdueQuery): Promise<Page<DeviceRecord>>
  /**
   * Sets times back that were written by a clock that was ahead, so that silence is noticed and news is not taken for old.
   * Nothing else of the rows is changed. How many devices had one.
   */
  setBack(type: AnyDeviceType, request: SetBackRequest): Promise<number>
  /**
   * The record after the change; null when there is none. With `within` only of a device for which it holds when it is
   * changed, whatever others change at the same time; `out_of_scope`, and nothing is changed, when it would not hold afterwards.
   */
  update(
    type: AnyDeviceType,
    deviceId: string,
    patch: DevicePatch,
    now: number,
    within?: Condition,
  ): Promise<DeviceRecord | null>
  /**
   * The same change of several devices, all or nothing: which of them there were. `state` and what is of one device alone
   * (`mqttUsername`) are not in it. `within` as in `update`.
   */
  updateMany(
    type: AnyDeviceType,
    deviceIds: readonly string[],
    patch: SharedPatch,
    now: number,
    within?: Condition,
  ): Promise<readonly string[]>
  /**
   * Deletes the device, its readings and last values; its messages stay as the audit trail. With the control group also
   * its credentials and its desired state (the version stays, and what the broker retains is due to be cleared), and
   * cancels its commands. False when there was none. It may delete readings in steps before: when it fails, the device is
   * still there, with those that are left; `within` as in `update`.
   */
  delete(type: AnyDeviceType, deviceId: string, now: number, within?: Condition): Promise<boolean>
}

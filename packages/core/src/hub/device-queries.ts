import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Duration } from '../model/duration.js'
import type { Selector } from '../model/selector/selector.js'
import type { SortOrder } from '../model/selector/sort.js'
import type { DeviceStatus } from '../model/statuses.js'

/** What to change of a device; what is left out stays. */
export interface DeviceUpdate<State = Readonly<Record<string, unknown>>> {
  /** Shown to people; at most 255 characters. */
  readonly name?: string
  /** Set by hand, as of now. */
  readonly status?: DeviceStatus
  /** False: its messages are rejected. */
  readonly isActive?: boolean
  /** Null: unknown. */
  readonly firmwareVersion?: string | null
  /** Replaces all of it; at most the hub's `maxMetadata` bytes as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** By key, what changes of them; null takes a label away. */
  readonly labels?: Readonly<Record<string, string | null>>
  /** Reported state by field; null takes a nullable field's value away. */
  readonly state?: { readonly [Name in keyof State]?: State[Name] | null }
}

/** Which devices, in which order, and how many at a time. */
export interface DeviceQuery<T extends AnyDeviceType = AnyDeviceType> extends Selector<T> {
  /** Default `-createdAt`: newest first. */
  readonly sort?: SortOrder<T>
  /** 1 to 1,000; default 100. */
  readonly limit?: number
  /** Of the page before; absent: the first page. */
  readonly cursor?: string | undefined
}

/** How far to count. */
export interface DeviceCountQuery<T extends AnyDeviceType = AnyDeviceType> extends Selector<T> {
  /** Counting stops there; 1 to 1,000,000, default 10,000. */
  readonly max?: number
}

/** How many devices a selector says. */
export interface DeviceCount {
  /** Those that were counted. */
  readonly count: number
  /** False: there are at least so many. */
  readonly isExact: boolean
}

/** Which devices are counted, and by what. */
export interface OverviewQuery<T extends AnyDeviceType = AnyDeviceType> extends Selector<T> {
  /** Keys of labels whose values are counted; at most 16. */
  readonly byLabels?: readonly string[]
  /** Percent. Default 20. */
  readonly batteryBelow?: number
  /** Not heard of for longer is silent. Default 2.5 times the type's `heartbeatInterval`. */
  readonly silentAfter?: Duration
}

/** What may be changed of several devices at once; what is left out stays. */
export type BulkDeviceUpdate = Pick<
  DeviceUpdate,
  'name' | 'isActive' | 'firmwareVersion' | 'metadata' | 'labels'
>

/** What became of a change of several devices. */
export interface BulkUpdateResult {
  /** Devices that were changed. */
  readonly changed: number
  /** Ids that were given and that no device has. */
  readonly missing: readonly string[]
}

import type { AnyDeviceType } from '../device-type/device-type.js'
import type { InferReadings, InferState } from '../device-type/infer.js'
import type { DeviceStatus } from '../statuses.js'

/**
 * What a value must be: this value, one of these, or `null`: there is none. As an object, each of its keys holds.
 *
 * @example
 * import type { Matching } from '@devicehub/core'
 *
 * const LOW: Matching<number> = { lt: 20 }
 */
export type Matching<V> = V | null | readonly V[] | Comparison<V>

/** What a value is compared with. */
export interface Comparison<V> {
  /** Another value, or none; `null`: there is one. */
  readonly ne?: V | null
  /** None of these, or no value. */
  readonly notIn?: readonly V[]
  /** Less; of a time: earlier. Numbers and times only, as the other three. A device without the value does not match. */
  readonly lt?: Ordered<V>
  /** Less or equal. */
  readonly lte?: Ordered<V>
  /** Greater; of a time: later. */
  readonly gt?: Ordered<V>
  /** Greater or equal. */
  readonly gte?: Ordered<V>
}

/** What has an order. */
type Ordered<V> = Extract<V, number | Date | string>

/**
 * A time: a `Date`, RFC 3339, a day (its beginning in UTC), or one relative to the moment of the query, such as `now-1h`; the units are those of
 * `Duration` (`ms`, `s`, `m`, `h`, `d`).
 */
export type TimeValue = Date | string

/** Of a state field or a reading. A datetime may also be told relative to now. */
type FieldMatching<V> = Matching<
  Exclude<V, null | undefined> extends Date ? TimeValue : Exclude<V, null | undefined>
>

/**
 * Which devices: those for which every key that is given holds. `{}` is every device.
 *
 * @example
 * import type { Selector } from '@devicehub/core'
 * import type { WeatherStation } from './hub.js'
 *
 * const selector: Selector<typeof WeatherStation> = {
 *   labels: { site: 'north' },
 *   batteryLevel: { lt: 20 },
 *   lastSeen: { gte: 'now-1d' },
 *   not: { firmwareVersion: ['2.1', '2.2'] },
 * }
 */
export interface Selector<T extends Pick<AnyDeviceType, 'readings' | 'state'> = AnyDeviceType> {
  /** Names of types, where devices of several are chosen. */
  readonly type?: Matching<string>
  /** Its id. */
  readonly deviceId?: Matching<string>
  /** Its name, all of it; part of it: `search`. */
  readonly name?: Matching<string>
  /** Part of the device id or the name. A to Z match in either case, all other characters exactly. */
  readonly search?: string
  /** Its present status. */
  readonly status?: Matching<DeviceStatus>
  /** False: the deactivated ones. */
  readonly isActive?: boolean
  /** Percent. */
  readonly batteryLevel?: Matching<number>
  /** The version it reported last. Versions have no order. */
  readonly firmwareVersion?: Matching<string>
  /** When the hub last heard of it. */
  readonly lastSeen?: Matching<TimeValue>
  /** When it was created. */
  readonly createdAt?: Matching<TimeValue>
  /** When its row was last changed. */
  readonly updatedAt?: Matching<TimeValue>
  /** By key. `null`: the device has no label of that key; `{ ne: null }`: it has one. Labels have no order. */
  readonly labels?: { readonly [key: string]: Matching<string> }
  /** What it reported of each state field. */
  readonly state?: { readonly [Name in keyof InferState<T>]?: FieldMatching<InferState<T>[Name]> }
  /** The last known value of each. */
  readonly readings?: { readonly [Name in keyof InferReadings<T>]?: FieldMatching<InferReadings<T>[Name]> }
  /** Whether its reported state equals what is desired of it; true also where nothing is desired. */
  readonly inSync?: boolean
  /** Each of them. */
  readonly and?: readonly Selector<T>[]
  /** One of them at least. */
  readonly or?: readonly Selector<T>[]
  /** Devices for which it does not hold. */
  readonly not?: Selector<T>
}

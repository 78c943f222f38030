import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition } from '../model/selector/condition.js'
import type { StoredValue } from '../model/values.js'
import type { NewSample } from './commit.js'
import type { Page, PageRequest } from './page.js'
import type { SeriesStore } from './series.js'

/** A sample as it is stored. */
export interface StoredSample extends NewSample {
  /** Of its row; unique within the type. */
  readonly id: string
}

/** The last known values of a device. */
export interface LatestReadings {
  /** Of the device. */
  readonly deviceId: string
  /** The greatest of its samples'. */
  readonly orderAt: number
  /** In the order of `type.readingNames`; null: the device never sent one. */
  readonly values: readonly (LatestValue | null)[]
}

/** The last known value of a reading. */
export interface LatestValue {
  /** In stored form. */
  readonly value: Exclude<StoredValue, null>
  /** `orderAt` of its sample. */
  readonly at: number
}

/** Which samples, by measured time in epoch milliseconds; what is absent does not count. */
export interface ReadingFilter {
  /** Of one device. */
  readonly deviceId?: string
  /** Inclusive. */
  readonly from?: number
  /** Exclusive. */
  readonly to?: number
  /** Only of devices for which it holds. */
  readonly within?: Condition
}

/** What can be computed over samples. */
export const AGGREGATES = ['avg', 'min', 'max', 'sum', 'count', 'first', 'last'] as const

/** What is computed over samples: one of `AGGREGATES`. */
export type AggregateFunction = (typeof AGGREGATES)[number]

/** The sizes of calendar buckets. */
export const INTERVALS = ['minute', 'hour', 'day', 'week', 'month'] as const

/** Calendar buckets in UTC; a week starts on Monday. */
export type Interval = (typeof INTERVALS)[number]

/** What to compute over which samples. */
export interface AggregateQuery extends ReadingFilter {
  /** Name of a declared reading. */
  readonly field: string
  /** What to compute. */
  readonly fn: AggregateFunction
  /** Absent: one bucket over everything. */
  readonly interval?: Interval
}

/** One value of an aggregate. */
export interface AggregateBucket {
  /** Start of the bucket; null when no interval was asked for. */
  readonly bucket: number | null
  /** `first`, `last`, `min` and `max` give a stored value of the field; the others a number; null over nothing, and for a sum that no double holds. Null values do not count. */
  readonly result: StoredValue
}

/** Which samples a list is of. */
export interface ReadingListFilter extends ReadingFilter {
  /** Default `desc`. */
  readonly order?: 'asc' | 'desc'
  /** Names of the readings that somebody wants; absent: all. The other values may be null: a storage need not read them. */
  readonly fields?: readonly string[]
}

/**
 * The stored samples and last values of each type. `get`, `scan` and `series` may be missing: `defineStorage` makes them of
 * `list`, which costs more.
 */
export interface ReadingStore extends Partial<SeriesStore> {
  /** Newest first by default; equal timestamps by id. */
  list(type: AnyDeviceType, filter: ReadingListFilter, page: PageRequest): Promise<Page<StoredSample>>
  /**
   * One by the id of its row; null when there is none, also for an id that no row can have. With `within` only of a
   * device for which it holds.
   */
  get?(type: AnyDeviceType, id: string, within?: Condition): Promise<StoredSample | null>
  /**
   * The last known value of each reading, of each device that ever sent a sample (invariant 4): by `orderAt`, of equal
   * ones that of the sample stored later. It stays when its sample is deleted, until the device is; of a type with
   * `lastValues: false` the samples there are tell it. `invalid_query` for devices that have more than `LATEST_BYTES` together.
   * With `within` only of devices for which it holds.
   */
  latest(
    type: AnyDeviceType,
    deviceIds: readonly string[],
    within?: Condition,
  ): Promise<readonly LatestReadings[]>
  /** The sample with the greatest `orderAt` of each device that has one; of equal ones the one stored later. Bounded like `latest`; `within` as there. */
  latestSamples(
    type: AnyDeviceType,
    deviceIds: readonly string[],
    within?: Condition,
  ): Promise<readonly StoredSample[]>
  /**
   * What `aggregateField` lets pass. Without `interval` one bucket; with it the buckets that hold a row, oldest first.
   * `first` and `last` go by `orderAt`. `invalid_query` for more than `BUCKETS_MAX` buckets, or `LATEST_BYTES` in their
   * values: a storage finds out before it has them in memory. No value makes a sum or an average fail: see `sumOfParts`.
   */
  aggregate(type: AnyDeviceType, query: AggregateQuery): Promise<readonly AggregateBucket[]>
}

/** With what `defineStorage` made of it. */
export type CompleteReadingStore = Required<ReadingStore>

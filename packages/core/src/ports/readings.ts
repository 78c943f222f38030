import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { StoredValue } from '../model/values.js'
import type { NewSample } from './commit.js'
import type { Page, PageRequest } from './page.js'

export interface StoredSample extends NewSample {
  readonly id: string
}

export interface LatestReadings {
  readonly deviceId: string
  /** The greatest of its samples'. */
  readonly orderAt: number
  /** In the order of `type.readingNames`; null: the device never sent one. */
  readonly values: readonly (LatestValue | null)[]
}

export interface LatestValue {
  readonly value: Exclude<StoredValue, null>
  /** `orderAt` of its sample. */
  readonly at: number
}

export interface ReadingFilter {
  readonly deviceId?: string
  /** Inclusive. */
  readonly from?: number
  /** Exclusive. */
  readonly to?: number
}

export const AGGREGATES = ['avg', 'min', 'max', 'sum', 'count', 'first', 'last'] as const

/** What is computed over samples: one of `AGGREGATES`. */
export type AggregateFunction = (typeof AGGREGATES)[number]

export const INTERVALS = ['minute', 'hour', 'day', 'week', 'month'] as const

/** Calendar buckets in UTC; a week starts on Monday. */
export type Interval = (typeof INTERVALS)[number]

export interface AggregateQuery extends ReadingFilter {
  readonly field: string
  readonly fn: AggregateFunction
  readonly interval?: Interval
}

export interface AggregateBucket {
  /** Start of the bucket; null when no interval was asked for. */
  readonly bucket: number | null
  /** `first`, `last`, `min` and `max` give a stored value of the field; the others a number; null over nothing. Null values do not count. */
  readonly result: StoredValue
}

export interface ReadingStore {
  /** Newest first by default; equal timestamps by id. */
  list(
    type: AnyDeviceType,
    filter: ReadingFilter & { readonly order?: 'asc' | 'desc' },
    page: PageRequest,
  ): Promise<Page<StoredSample>>
  /**
   * The last known value of each reading, of each device that ever sent a sample (invariant 4): by `orderAt`, of equal
   * ones that of the sample stored later. It stays when its sample is deleted, until the device is; of a type with
   * `lastValues: false` the samples there are tell it. `invalid_query` for devices that have more than `LATEST_BYTES` together.
   */
  latest(type: AnyDeviceType, deviceIds: readonly string[]): Promise<readonly LatestReadings[]>
  /** The sample with the greatest `orderAt` of each device that has one; of equal ones the one stored later. Bounded like `latest`. */
  latestSamples(type: AnyDeviceType, deviceIds: readonly string[]): Promise<readonly StoredSample[]>
  /** What `aggregateField` lets pass. Without `interval` one bucket; with it the buckets that hold a row, oldest first. `first` and `last` go by `orderAt`. */
  aggregate(type: AnyDeviceType, query: AggregateQuery): Promise<readonly AggregateBucket[]>
}

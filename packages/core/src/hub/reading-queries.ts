import type { AggregateFunction, Interval } from '../ports/readings.js'

/** Which samples: of one device or all, within a time. */
export interface ReadingRange {
  /** Of one device; absent: of all. */
  readonly deviceId?: string
  /** Inclusive, by measured time. */
  readonly from?: Date
  /** Exclusive. */
  readonly to?: Date
}

/** Which samples, in which order, and how many at a time. */
export interface ReadingQuery extends ReadingRange {
  /** Default `desc`: newest first. */
  readonly order?: 'asc' | 'desc'
  /** 1 to 1,000; default 100. */
  readonly limit?: number
  /** Of the page before; absent: the first page. */
  readonly cursor?: string | undefined
  /** As `ReadingFieldsQuery` has it; absent: all readings. */
  readonly fields?: undefined
}

/** The same, of some of the readings alone. */
export interface ReadingFieldsQuery<Name extends string> extends Omit<ReadingQuery, 'fields'> {
  /** Names of the readings that are read and given. */
  readonly fields: readonly Name[]
}

/** What to compute over the stored samples of a type. */
export interface AggregateRequest<Readings> extends ReadingRange {
  /** Name of a declared reading. */
  readonly field: keyof Readings & string
  /** `first` and `last` go by measured time; `avg` and `sum` need numbers. */
  readonly fn: AggregateFunction
  /** Calendar buckets in UTC; without it one value over everything. */
  readonly interval?: Interval
}

/** One value of an aggregate. */
export interface Bucket {
  /** Start of the bucket; null without an interval. */
  readonly bucket: Date | null
  /** A number; for `first`, `last`, `min` and `max` a value of the field, a `Date` of a datetime; null over nothing, and for a sum that no double holds. */
  readonly result: unknown
}

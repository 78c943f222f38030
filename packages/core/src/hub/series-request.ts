import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InferReadings } from '../model/device-type/infer.js'
import type { Duration } from '../model/duration.js'
import type { Selector } from '../model/selector/selector.js'
import type { CalendarUnit, SeriesFunction, SeriesGroups } from '../ports/series.js'

/** The names of a type's readings. */
export type ReadingName<T extends Pick<AnyDeviceType, 'readings'>> = keyof InferReadings<T> & string

/** Whose samples, and of which time. */
export interface SeriesRange<T extends AnyDeviceType> {
  /** One device's id, up to 1,000 of them, or those that a selector says when the call is made. */
  readonly devices: string | readonly string[] | Selector<T>
  /** Inclusive, by measured time. */
  readonly from: Date
  /** Exclusive. */
  readonly to: Date
}

/** How the time is divided, and what comes of empty buckets. */
export interface SeriesBuckets<T extends AnyDeviceType> extends SeriesRange<T> {
  /**
   * What is put together. Default `device`: a series for each device. `all`: one series of all of them. `{ label }`: one
   * for each value of that label, and one (null) of the devices without it.
   */
  readonly groupBy?: SeriesGroups
  /**
   * How long a bucket is: a `Duration`, counted from 1970 in UTC (`'1d'` is always 24 hours), or a unit of the calendar in
   * `timeZone` (a `day` has 23 or 25 hours where the clocks are changed). Without `interval` and `points`: one bucket.
   */
  readonly interval?: Duration | CalendarUnit
  /** In place of `interval`: takes the shortest of the usual intervals that gives at most so many buckets; 2 to 20,000. */
  readonly points?: number
  /** Of calendar units: `UTC` (the default), a fixed offset such as `+02:00`, or a zone such as `Europe/Berlin`. */
  readonly timeZone?: string
  /**
   * Buckets in which there is nothing. `none` (default): left out. `null`: they are there, with null, and 0 for `count`.
   * `previous`: each figure that is null is what it was in the bucket before. `linear`: between the two buckets around it,
   * by time; numbers only.
   */
  readonly fill?: 'none' | 'null' | 'previous' | 'linear'
}

/** What to compute of which readings: each function of each. */
export interface SeriesRequest<
  T extends AnyDeviceType,
  Name extends ReadingName<T> = ReadingName<T>,
  Fn extends SeriesFunction = SeriesFunction,
> extends SeriesBuckets<T> {
  /** Names of declared readings. */
  readonly fields: Name | readonly Name[]
  /** At most 100 figures in all. */
  readonly fn: Fn | readonly Fn[]
}

/** By reading, what is computed of it. */
export type SeriesFields<T extends AnyDeviceType> = {
  readonly [Name in ReadingName<T>]?: SeriesFunction | readonly SeriesFunction[]
}

/** The same with functions of its own for each reading. */
export interface SeriesFieldsRequest<
  T extends AnyDeviceType,
  Fields extends SeriesFields<T> = SeriesFields<T>,
> extends SeriesBuckets<T> {
  /** Names of declared readings, each with one function or several. */
  readonly fields: Fields
  /** None for all: `fields` says them. */
  readonly fn?: undefined
}

/** Points of each reading that show the same shape as all of them. */
export interface ShapeRequest<T extends AnyDeviceType, Name extends ReadingName<T> = ReadingName<T>>
  extends SeriesRange<T> {
  /** Names of readings that are numbers. */
  readonly fields: Name | readonly Name[]
  /** Points instead of figures. */
  readonly fn: 'shape'
  /** Of each reading and device at most; 4 to 20,000. */
  readonly points: number
}

/** What a function gives of the values of a reading. */
export type SeriesValue<Fn extends SeriesFunction, Value> = Fn extends 'count'
  ? number
  : Fn extends 'first' | 'last' | 'min' | 'max'
    ? Exclude<Value, undefined | null> | null
    : number | null

/** By reading and function, the figures of a bucket. */
export type SeriesValues<T extends AnyDeviceType, Name extends ReadingName<T>, Fn extends SeriesFunction> = {
  readonly [Of in Name]: { readonly [Each in Fn]: SeriesValue<Each, InferReadings<T>[Of]> }
}

/** The same where each reading has functions of its own. */
export type SeriesFieldsValues<T extends AnyDeviceType, Fields> = {
  readonly [Name in keyof Fields & ReadingName<T>]: {
    readonly [Fn in OneOf<Fields[Name]>]: SeriesValue<Fn, InferReadings<T>[Name]>
  }
}

type OneOf<Given> = Extract<Given extends readonly (infer Fn)[] ? Fn : Given, SeriesFunction>

/** Figures over time. */
export interface SeriesResult<Values> {
  /** How long a bucket is: a duration such as `15m`, or a unit of the calendar; null: there is one bucket. */
  readonly interval: string | null
  /** Of the calendar. */
  readonly timeZone: string
  /** What the figures were computed from: the samples themselves. */
  readonly source: 'raw'
  /**
   * For each device that was asked for by its id, in that order; of a selector, or of labels, those in which there is
   * something, in the order of `group`.
   */
  readonly series: readonly Series<Values>[]
}

/** The figures of a device, of devices with a label, or of all. */
export interface Series<Values> {
  /** The device's id, or the label's value; null: without the label, or all together. */
  readonly group: string | null
  /** Oldest first. */
  readonly buckets: readonly SeriesBucket<Values>[]
}

/** The figures of a bucket. */
export interface SeriesBucket<Values> {
  /** Inclusive. The first bucket may begin before `from`: only what was measured from then on counts. */
  readonly start: Date
  /** Exclusive. The last one may end after `to`. */
  readonly end: Date
  /** By reading and function. */
  readonly values: Values
}

/** Points of each device. */
export interface ShapeResult<Name extends string = string> {
  /** What the points were chosen from: the samples themselves. */
  readonly source: 'raw'
  /** For each device that was asked for by its id, in that order; of a selector those that have a sample. */
  readonly series: readonly {
    /** The device's id. */
    readonly group: string
    /** By reading, oldest first. */
    readonly points: { readonly [Of in Name]: readonly ShapePoint[] }
  }[]
}

/** A sample that was measured, of one reading. */
export interface ShapePoint {
  /** When it was measured. */
  readonly measuredAt: Date
  /** As it was stored. */
  readonly value: number
}

import { accept, list, optional, options, text, word } from '../model/check/index.js'
import { fromStored } from '../model/codec/stored-value.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InferReadings } from '../model/device-type/infer.js'
import {
  AGGREGATES,
  type AggregateFunction,
  INTERVALS,
  type Interval,
  type LatestReadings,
  type ReadingFilter,
  type StoredSample,
} from '../ports/readings.js'
import type { Page, Storage } from '../ports/storage.js'
import { aggregateField } from '../rules/aggregate-field.js'
import { type AssertType, acceptDeviceId, PAGE, PAGE_LIMIT, RANGE } from './rules.js'

/** One stored sample. */
export interface Reading<Readings = Readonly<Record<string, unknown>>> {
  /** Of its row, unique within the type. */
  readonly id: string
  /** Of the device that sent it. */
  readonly deviceId: string
  /** When it was measured; when it was received if the device sent no time. */
  readonly measuredAt: Date
  /** When the hub received it. */
  readonly receivedAt: Date
  /** The id the device gave it. */
  readonly sampleId: string | null
  /** `out_of_range:<reading>`, `clock_skew` and the like; empty when nothing is remarkable. */
  readonly flags: readonly string[]
  /** Every declared reading; null where the sample had none. */
  readonly readings: { readonly [Name in keyof Readings]: Exclude<Readings[Name], undefined> | null }
}

/** What a device measured last, of each reading. */
export interface LastValues<Readings = Readonly<Record<string, unknown>>> {
  /** Of the device. */
  readonly deviceId: string
  /** Of the latest sample; null: nobody knows, a broker had kept it. */
  readonly measuredAt: Date | null
  /** Every declared reading; null where the device never sent one. */
  readonly readings: {
    readonly [Name in keyof Readings]: LastValue<Exclude<Readings[Name], undefined | null>> | null
  }
}

/** The last known value of one reading. */
export interface LastValue<Value = unknown> {
  /** As the reading is declared. */
  readonly value: Value
  /**
   * When it was measured; when it was received if the device sent no time or one that cannot be true; null: nobody knows,
   * a broker had kept it.
   */
  readonly measuredAt: Date | null
}

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

/** Stored samples and last values of a type. A type that is not of this hub is refused with `unknown_type`. */
export interface ReadingsApi {
  /**
   * Samples by measured time, newest first by default. `invalid_query` for a query that does not fit.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const from = new Date(Date.now() - 86_400_000)
   * const { items } = await hub.readings.list(WeatherStation, { deviceId: 'STATION-001', from })
   * items[0]?.readings.temperature // a number, or null
   */
  list<T extends AnyDeviceType>(type: T, query?: ReadingQuery): Promise<Page<Reading<InferReadings<T>>>>
  /**
   * The last known value of each reading, with its own time; null when the device never sent a sample. Late samples
   * change nothing that is newer. A value stays known when retention deletes its sample, until the device is deleted;
   * not so of a type with `lastValues: false`, of which this searches the samples.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const latest = await hub.readings.latest(WeatherStation, 'STATION-001')
   * latest?.readings.temperature?.value // a number
   */
  latest<T extends AnyDeviceType>(type: T, deviceId: string): Promise<LastValues<InferReadings<T>> | null>
  /** The same for many devices at once, by device id; those without any are left out. */
  latestOf<T extends AnyDeviceType>(
    type: T,
    deviceIds: readonly string[],
  ): Promise<ReadonlyMap<string, LastValues<InferReadings<T>>>>
  /** The sample with the greatest measured time that can be true, as it was stored; null when there is none. */
  latestSample<T extends AnyDeviceType>(type: T, deviceId: string): Promise<Reading<InferReadings<T>> | null>
  /** The same for many devices at once, by device id; those without any are left out. */
  latestSamplesOf<T extends AnyDeviceType>(
    type: T,
    deviceIds: readonly string[],
  ): Promise<ReadonlyMap<string, Reading<InferReadings<T>>>>
  /**
   * Computed in the database. `invalid_query` for a field that is not declared, a sum of what is no number, a least
   * of what has no order, and for more than 20,000 buckets, or 16 MiB in their values: narrow the range, or take a longer
   * interval.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const days = await hub.readings.aggregate(WeatherStation, { field: 'temperature', fn: 'avg', interval: 'day' })
   */
  aggregate<T extends AnyDeviceType>(
    type: T,
    request: AggregateRequest<InferReadings<T>>,
  ): Promise<readonly Bucket[]>
}

const QUERY = options<ReadingQuery>({ ...RANGE, ...PAGE, order: optional(word('asc', 'desc')) })

const REQUEST = options<AggregateRequest<Readonly<Record<string, unknown>>>>({
  ...RANGE,
  field: text({ max: 63 }),
  fn: word(...AGGREGATES),
  interval: optional(word(...INTERVALS)),
})

/** Functions whose result is one of the values. */
const OF_THE_FIELD: ReadonlySet<AggregateFunction> = new Set(['first', 'last', 'min', 'max'])

const DEVICE_IDS = list(text({ max: 255 }))

export function createReadingsApi(storage: Storage, assertType: AssertType): ReadingsApi {
  async function latestOf<T extends AnyDeviceType>(caller: string, type: T, given: readonly string[]) {
    assertType(caller, type)
    const deviceIds = accept(caller, 'deviceIds', DEVICE_IDS, given, 'invalid_device_id')
    const found = await storage.readings.latest(type, deviceIds)
    return new Map(found.map((one) => [one.deviceId, toLastValues<T>(type, one)]))
  }

  async function latestSamplesOf<T extends AnyDeviceType>(caller: string, type: T, given: readonly string[]) {
    assertType(caller, type)
    const deviceIds = accept(caller, 'deviceIds', DEVICE_IDS, given, 'invalid_device_id')
    const samples = await storage.readings.latestSamples(type, deviceIds)
    return new Map(samples.map((sample) => [sample.deviceId, toReading<T>(type, sample)]))
  }

  return {
    async list<T extends AnyDeviceType>(type: T, query: ReadingQuery = {}) {
      assertType('readings.list', type)
      const {
        limit = PAGE_LIMIT,
        cursor,
        order = 'desc',
        ...range
      } = accept('readings.list', 'query', QUERY, query, 'invalid_query')
      const page = await storage.readings.list(type, { ...toFilter(range), order }, { limit, cursor })
      return { items: page.items.map((sample) => toReading<T>(type, sample)), cursor: page.cursor }
    },
    async latest(type, deviceId) {
      assertType('readings.latest', type)
      const id = acceptDeviceId('readings.latest', deviceId)
      return (await latestOf('readings.latest', type, [id])).get(id) ?? null
    },
    latestOf: (type, deviceIds) => latestOf('readings.latestOf', type, deviceIds),
    async latestSample(type, deviceId) {
      assertType('readings.latestSample', type)
      const id = acceptDeviceId('readings.latestSample', deviceId)
      return (await latestSamplesOf('readings.latestSample', type, [id])).get(id) ?? null
    },
    latestSamplesOf: (type, deviceIds) => latestSamplesOf('readings.latestSamplesOf', type, deviceIds),
    async aggregate(type, request) {
      assertType('readings.aggregate', type)
      const { field, fn, interval, ...range } = accept(
        'readings.aggregate',
        'request',
        REQUEST,
        request,
        'invalid_query',
      )
      const query = { ...toFilter(range), field, fn, ...(interval === undefined ? {} : { interval }) }
      const declared = aggregateField(type, query)
      const buckets = await storage.readings.aggregate(type, query)
      return buckets.map(({ bucket, result }) => ({
        bucket: bucket === null ? null : new Date(bucket),
        result: OF_THE_FIELD.has(fn) && result !== null ? fromStored(declared, result) : result,
      }))
    },
  }
}

function toReading<T extends AnyDeviceType>(type: T, sample: StoredSample): Reading<InferReadings<T>> {
  const readings: Record<string, unknown> = {}
  type.readingNames.forEach((name, index) => {
    const field = type.readings[name]
    if (field) readings[name] = fromStored(field, sample.values[index] ?? null)
  })
  return {
    id: sample.id,
    deviceId: sample.deviceId,
    measuredAt: new Date(sample.timestamp),
    receivedAt: new Date(sample.receivedAt),
    sampleId: sample.sampleId,
    flags: sample.flags === null ? [] : sample.flags.split(' '),
    readings: readings as Reading<InferReadings<T>>['readings'],
  }
}

function toLastValues<T extends AnyDeviceType>(
  type: T,
  { deviceId, orderAt, values }: LatestReadings,
): LastValues<InferReadings<T>> {
  const readings: Record<string, unknown> = {}
  type.readingNames.forEach((name, index) => {
    const field = type.readings[name]
    const last = values[index] ?? null
    if (field)
      readings[name] = last && { value: fromStored(field, last.value), measuredAt: knownTime(last.at) }
  })
  return {
    deviceId,
    measuredAt: knownTime(orderAt),
    readings: readings as LastValues<InferReadings<T>>['readings'],
  }
}

/** See `NewSample.orderAt`. */
const knownTime = (orderAt: number): Date | null => (orderAt === 0 ? null : new Date(orderAt))

function toFilter({ deviceId, from, to }: ReadingRange): ReadingFilter {
  return {
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(from === undefined ? {} : { from: from.getTime() }),
    ...(to === undefined ? {} : { to: to.getTime() }),
  }
}

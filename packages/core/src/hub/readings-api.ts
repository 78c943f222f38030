import { accept, list, optional, options, text, word } from '../model/check/index.js'
import { fromStored } from '../model/codec/stored-value.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InferReadings } from '../model/device-type/infer.js'
import type { Clock } from '../ports/clock.js'
import { AGGREGATES, type AggregateFunction, INTERVALS, type ReadingFilter } from '../ports/readings.js'
import type { SeriesFunction } from '../ports/series.js'
import type { Page } from '../ports/storage.js'
import { aggregateField } from '../rules/aggregate-field.js'
import { readingField } from '../rules/series-field.js'
import type { ApiStorage } from './api-storage.js'
import { exportReadings } from './export-readings.js'
import type { Export, ExportedReading, ReadingExportQuery } from './export-request.js'
import type {
  AggregateRequest,
  Bucket,
  ReadingFieldsQuery,
  ReadingQuery,
  ReadingRange,
} from './reading-queries.js'
import { type LastValues, type Reading, toLastValues, toReading } from './reading-values.js'
import { type AssertType, acceptDeviceId, PAGE, PAGE_LIMIT, RANGE } from './rules.js'
import { readSeries } from './series.js'
import type {
  ReadingName,
  SeriesFields,
  SeriesFieldsRequest,
  SeriesFieldsValues,
  SeriesRequest,
  SeriesResult,
  SeriesValues,
  ShapeRequest,
  ShapeResult,
} from './series-request.js'
import { acceptSeries, acceptShape, isShape } from './series-settings.js'
import { readShape } from './shape.js'

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
   * The same with `fields`: only these readings are read and given.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { items } = await hub.readings.list(WeatherStation, { fields: ['temperature'], limit: 10 })
   * items[0]?.readings.temperature // a number, or null
   */
  list<T extends AnyDeviceType, const Name extends ReadingName<T>>(
    type: T,
    query: ReadingFieldsQuery<Name>,
  ): Promise<Page<Reading<Pick<InferReadings<T>, Name>>>>
  /** One sample by the id of its row, as a list gave it; null when there is none. */
  get<T extends AnyDeviceType>(type: T, id: string): Promise<Reading<InferReadings<T>> | null>
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
  /**
   * Figures over time, for charts and reports: of one device, several or those of a selector, of several readings and
   * with several functions at once, in even intervals or calendar units of a time zone. Each function stands in
   * docs/guides/history.md. `invalid_query` for what does not fit, and for more than 20,000 buckets in all.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { series } = await hub.readings.series(WeatherStation, {
   *   devices: 'STATION-001',
   *   fields: ['temperature', 'humidity'],
   *   fn: ['avg', 'max'],
   *   from: new Date('2026-01-01T00:00:00+01:00'),
   *   to: new Date('2027-01-01T00:00:00+01:00'),
   *   interval: 'day',
   *   timeZone: 'Europe/Berlin',
   * })
   * series[0]?.buckets[0]?.values.temperature.avg // a number, or null
   */
  series<T extends AnyDeviceType, const Name extends ReadingName<T>, const Fn extends SeriesFunction>(
    type: T,
    request: SeriesRequest<T, Name, Fn>,
  ): Promise<SeriesResult<SeriesValues<T, Name, Fn>>>
  /**
   * The same with functions of its own for each reading.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { series } = await hub.readings.series(WeatherStation, {
   *   devices: { labels: { site: 'north' } },
   *   groupBy: 'all',
   *   fields: { temperature: ['min', 'max'], humidity: 'timeAvg' },
   *   from: new Date(Date.now() - 86_400_000),
   *   to: new Date(),
   *   points: 200,
   * })
   * series[0]?.buckets[0]?.values.humidity.timeAvg // a number, or null
   */
  series<T extends AnyDeviceType, const Fields extends SeriesFields<T>>(
    type: T,
    request: SeriesFieldsRequest<T, Fields>,
  ): Promise<SeriesResult<SeriesFieldsValues<T, Fields>>>
  /**
   * With `fn: 'shape'` samples as they were measured: at most so many that a line through them looks as one through all,
   * the least and the greatest among them.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { series } = await hub.readings.series(WeatherStation, {
   *   devices: 'STATION-001',
   *   fields: 'temperature',
   *   fn: 'shape',
   *   points: 800,
   *   from: new Date(Date.now() - 30 * 86_400_000),
   *   to: new Date(),
   * })
   * series[0]?.points.temperature[0]?.value // a number
   */
  series<T extends AnyDeviceType, const Name extends ReadingName<T>>(
    type: T,
    request: ShapeRequest<T, Name>,
  ): Promise<ShapeResult<Name>>
  /**
   * Samples of any number, of which only a page is in memory, device by device, each device's by measured time. `for await`
   * reads them; `toCsv` and `toNdjson` make text of them. Each row has the `cursor` with which a later export goes on
   * behind it. A sample stored meanwhile is there if its place comes later.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const from = new Date(Date.now() - 86_400_000)
   * const rows = hub.readings.export(WeatherStation, { devices: { labels: { site: 'north' } }, from })
   * for await (const row of rows) row.readings.temperature // a number, or null
   */
  export<T extends AnyDeviceType, const Name extends ReadingName<T> = ReadingName<T>>(
    type: T,
    query?: ReadingExportQuery<T, Name>,
  ): Export<ExportedReading<T, Name>>
}

type AnyReadingQuery = Omit<ReadingQuery, 'fields'> & { readonly fields?: readonly string[] }

const QUERY = options<AnyReadingQuery>({
  ...RANGE,
  ...PAGE,
  order: optional(word('asc', 'desc')),
  fields: optional(list(text({ max: 63 }), { max: 2_000 })),
})
/** Of any form: of one that cannot be there, there is none. */
const ID = text({ min: 0, max: 255 })

const REQUEST = options<AggregateRequest<Readonly<Record<string, unknown>>>>({
  ...RANGE,
  field: text({ max: 63 }),
  fn: word(...AGGREGATES),
  interval: optional(word(...INTERVALS)),
})

/** Functions whose result is one of the values. */
const OF_THE_FIELD: ReadonlySet<AggregateFunction> = new Set(['first', 'last', 'min', 'max'])

const DEVICE_IDS = list(text({ max: 255 }))

export function createReadingsApi(
  storage: Pick<ApiStorage, 'readings' | 'devices'>,
  assertType: AssertType,
  clock: Clock,
): ReadingsApi {
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

  async function list<T extends AnyDeviceType>(type: T, query: AnyReadingQuery = {}) {
    assertType('readings.list', type)
    const {
      limit = PAGE_LIMIT,
      cursor,
      order = 'desc',
      fields,
      ...range
    } = accept('readings.list', 'query', QUERY, query, 'invalid_query')
    for (const name of fields ?? []) readingField(type, name)
    const filter = { ...toFilter(range), order, ...(fields === undefined ? {} : { fields }) }
    const page = await storage.readings.list(type, filter, { limit, cursor })
    return { items: page.items.map((sample) => toReading<T>(type, sample, fields)), cursor: page.cursor }
  }

  async function series(type: AnyDeviceType, request: unknown) {
    assertType('readings.series', type)
    const now = clock.now()
    if (isShape(request)) return readShape(storage, type, acceptShape(type, request, now))
    return readSeries(storage, type, acceptSeries(type, request, now), now)
  }

  return {
    // One of two types, by what the query says.
    list: list as ReadingsApi['list'],
    async get(type, id) {
      assertType('readings.get', type)
      const sample = await storage.readings.get(type, accept('readings.get', 'id', ID, id, 'invalid_query'))
      return sample === null ? null : toReading(type, sample)
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
    export(type, query = {}) {
      assertType('readings.export', type)
      return exportReadings(storage, type, query, clock.now())
    },
    // One of three types, by what the request says.
    series: ((type: AnyDeviceType, request: unknown) => series(type, request)) as ReadingsApi['series'],
  }
}

function toFilter({ deviceId, from, to }: ReadingRange): ReadingFilter {
  return {
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(from === undefined ? {} : { from: from.getTime() }),
    ...(to === undefined ? {} : { to: to.getTime() }),
  }
}

import { fromStored } from '../codec/stored-value.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import type { InferReadings } from '../device-type/infer.js'
import { DeviceHubError } from '../errors.js'
import type {
  AggregateFunction,
  Interval,
  Page,
  ReadingFilter,
  Storage,
  StoredSample,
} from '../ports/storage.js'
import { acceptAggregate, acceptDeviceId, acceptIds, acceptReadingQuery } from './argument-rules.js'
import { PAGE_LIMIT } from './page-limit.js'

/** One stored sample. */
export interface Reading<Readings = Readonly<Record<string, unknown>>> {
  readonly id: string
  readonly deviceId: string
  /** When it was measured; when it was received if the device sent no time. */
  readonly measuredAt: Date
  readonly receivedAt: Date
  /** The id the device gave it. */
  readonly sampleId: string | null
  readonly flags: readonly string[]
  /** Every declared reading; null where the sample had none. */
  readonly readings: { readonly [Name in keyof Readings]: Exclude<Readings[Name], undefined> | null }
}

export interface ReadingRange {
  readonly deviceId?: string
  /** Inclusive, by measured time. */
  readonly from?: Date
  /** Exclusive. */
  readonly to?: Date
}

export interface ReadingQuery extends ReadingRange {
  /** Default `desc`: newest first. */
  readonly order?: 'asc' | 'desc'
  /** 1 to 1,000; default 100. */
  readonly limit?: number
  readonly cursor?: string | undefined
}

export interface AggregateRequest<Readings> extends ReadingRange {
  readonly field: keyof Readings & string
  readonly fn: AggregateFunction
  /** Calendar buckets in UTC; without it one value over everything. */
  readonly interval?: Interval
}

export interface Bucket {
  /** Start of the bucket; null without an interval. */
  readonly bucket: Date | null
  /** A number, or the field's own value for `first` and `last`; null over nothing. */
  readonly result: unknown
}

export interface ReadingsApi {
  list<T extends AnyDeviceType>(type: T, query?: ReadingQuery): Promise<Page<Reading<InferReadings<T>>>>
  /** The sample with the greatest measured time; null when there is none. */
  latest<T extends AnyDeviceType>(type: T, deviceId: string): Promise<Reading<InferReadings<T>> | null>
  /** The same for many devices at once, by device id. */
  latestOf<T extends AnyDeviceType>(
    type: T,
    deviceIds: readonly string[],
  ): Promise<ReadonlyMap<string, Reading<InferReadings<T>>>>
  /** Computed in the database. `invalid_query` for a field that is not declared or a sum of what is no number. */
  aggregate<T extends AnyDeviceType>(
    type: T,
    request: AggregateRequest<InferReadings<T>>,
  ): Promise<readonly Bucket[]>
}

export function createReadingsApi(storage: Storage, assertType: (type: AnyDeviceType) => void): ReadingsApi {
  async function latestOf<T extends AnyDeviceType>(type: T, deviceIds: readonly string[]) {
    assertType(type)
    const samples = await storage.readings.latest(type, acceptIds('readings.latestOf', deviceIds))
    return new Map(samples.map((sample) => [sample.deviceId, toReading<T>(type, sample)]))
  }

  return {
    async list<T extends AnyDeviceType>(type: T, query: ReadingQuery = {}) {
      assertType(type)
      const { limit, cursor, order = 'desc', ...range } = acceptReadingQuery(query)
      const page = await storage.readings.list(
        type,
        { ...toFilter(range), order },
        { limit: limit ?? PAGE_LIMIT, cursor },
      )
      return { items: page.items.map((sample) => toReading<T>(type, sample)), cursor: page.cursor }
    },
    latestOf,
    latest: async (type, deviceId) =>
      (await latestOf(type, [acceptDeviceId('readings.latest', deviceId)])).get(deviceId) ?? null,
    async aggregate(type, request) {
      assertType(type)
      const { field, fn, interval, ...range } = acceptAggregate(request)
      const declared = assertAggregate(type, field, fn, interval)
      const buckets = await storage.readings.aggregate(type, {
        ...toFilter(range),
        field,
        fn,
        ...(interval === undefined ? {} : { interval }),
      })
      const own = fn === 'first' || fn === 'last'
      return buckets.map(({ bucket, result }) => ({
        bucket: bucket === null ? null : new Date(bucket),
        result: own && result !== null ? fromStored(declared, result) : result,
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

const toFilter = ({ deviceId, from, to }: ReadingRange): ReadingFilter => ({
  ...(deviceId === undefined ? {} : { deviceId }),
  ...(from === undefined ? {} : { from: from.getTime() }),
  ...(to === undefined ? {} : { to: to.getTime() }),
})

function assertAggregate(
  type: AnyDeviceType,
  name: string,
  fn: AggregateFunction,
  interval: Interval | undefined,
) {
  const refuse = (message: string) =>
    new DeviceHubError('invalid_query', message, { details: { type: type.key, field: name, fn, interval } })
  const field = Object.hasOwn(type.readings, name) ? type.readings[name] : undefined
  if (field === undefined)
    throw refuse(`${type.name} has no reading "${name}"; declared: ${type.readingNames.join(', ')}`)
  const numeric = field.kind === 'float' || field.kind === 'integer'
  if (!numeric && (fn === 'avg' || fn === 'sum' || fn === 'min' || fn === 'max'))
    throw refuse(`${fn} needs a number; ${type.name}.${name} is of kind ${field.kind}`)
  return field
}

import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition } from '../model/selector/condition.js'
import type { StoredValue } from '../model/values.js'
import type { NewSample } from './commit.js'
import type { Page, PageRequest } from './page.js'

/** What a series can compute; those of an aggregate among them. */
export const SERIES_FUNCTIONS = [
  'avg',
  'min',
  'max',
  'sum',
  'count',
  'first',
  'last',
  'p50',
  'p95',
  'p99',
  'timeAvg',
  'delta',
] as const

/** What a series computes in each bucket: one of `SERIES_FUNCTIONS`. */
export type SeriesFunction = (typeof SERIES_FUNCTIONS)[number]

/** Calendar units of a time zone. A week starts on Monday. */
export const CALENDAR_UNITS = ['minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const

/** The size of calendar buckets in a time zone; a week starts on Monday. */
export type CalendarUnit = (typeof CALENDAR_UNITS)[number]

/** Values that a storage holds in memory for one answer, to find percentiles: more are refused. */
export const SERIES_VALUES_MAX = 4_000_000

/** One reading and what is computed of it. */
export interface SeriesFigure {
  /** Name of a declared reading. */
  readonly field: string
  /** What is computed of it. */
  readonly fn: SeriesFunction
}

/** Whose samples: of these devices, or of those for which a condition holds. */
export type SeriesDevices = { readonly deviceIds: readonly string[] } | { readonly condition: Condition }

/** What samples are put together: those of each device, of all, or of the devices with the same value of a label. */
export type SeriesGroups = 'device' | 'all' | { readonly label: string }

/** What to compute over which samples, in buckets that the hub has computed. */
export interface SeriesQuery {
  /** Whose samples. */
  readonly devices: SeriesDevices
  /** What is put together. */
  readonly groupBy: SeriesGroups
  /** What to compute in each bucket. */
  readonly figures: readonly SeriesFigure[]
  /** Epoch milliseconds, ascending: bucket n holds what was measured from `edges[n]` on and before `edges[n + 1]`. */
  readonly edges: readonly number[]
  /** The present, epoch milliseconds: a value does not hold beyond it. */
  readonly now: number
}

/** The figures of one bucket. */
export interface SeriesRow {
  /** The device's id, or the value of the label; null: without that label, or all together. */
  readonly group: string | null
  /** Its place in `edges`. */
  readonly bucket: number
  /** In the order of `figures`. `first`, `last`, `min` and `max` are stored values of the field, the others numbers; null over nothing. */
  readonly values: readonly StoredValue[]
}

/** Which samples to go through, device by device. */
export interface ScanQuery {
  /** At most 1,000. */
  readonly deviceIds: readonly string[]
  /** Names of the readings that are read. */
  readonly fields: readonly string[]
  /** Inclusive, by measured time. */
  readonly from?: number
  /** Exclusive. */
  readonly to?: number
  /** Of each device's samples; default `asc`. */
  readonly order?: 'asc' | 'desc'
  /** Only samples that have a value of this reading. */
  readonly having?: string
  /** Only the first one of each device. */
  readonly one?: boolean
  /** Whether `envelope` is there; default false. */
  readonly envelope?: boolean
}

/** What a sample says beside its values. */
export type SampleEnvelope = Pick<NewSample, 'receivedAt' | 'orderAt' | 'sampleId' | 'contentHash' | 'flags'>

/** A sample that a scan went past. */
export interface ScannedSample extends Pick<NewSample, 'deviceId' | 'timestamp'> {
  /** Of its row; unique within the type. */
  readonly id: string
  /** In the order of the query's `fields`. */
  readonly values: readonly StoredValue[]
  /** Null unless it was asked for. */
  readonly envelope: SampleEnvelope | null
}

/** What a storage may have beside `ReadingStore`; where it has it not, `defineStorage` makes it of the rest. */
export interface SeriesStore {
  /**
   * Samples of these devices in pages: one device after the other, in any order that stays, each device's by measured
   * time, then by id. Of constant memory, however many there are.
   */
  scan(type: AnyDeviceType, query: ScanQuery, page: PageRequest): Promise<Page<ScannedSample>>
  /**
   * The buckets of each group in which some figure is neither null nor a count of zero, in any order. What each function
   * means says `foldSeries`, which also computes those that a database has no words for. `invalid_query` for more rows
   * than `BUCKETS_MAX`, or `LATEST_BYTES` in their values.
   */
  series(type: AnyDeviceType, query: SeriesQuery): Promise<readonly SeriesRow[]>
}

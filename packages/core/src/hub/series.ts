import { fromStored } from '../model/codec/stored-value.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import { durationText } from '../model/duration.js'
import { DeviceHubError } from '../model/errors.js'
import type { StoredValue } from '../model/values.js'
import { BUCKETS_MAX } from '../ports/page.js'
import type { SeriesFigure, SeriesRow } from '../ports/series.js'
import { type BucketSize, bucketEdges, niceEdges } from '../rules/bucket-edges.js'
import { fillSeries } from '../rules/fill-series.js'
import { createSeriesBudget } from '../rules/series-budget.js'
import type { ApiStorage } from './api-storage.js'
import type { Series, SeriesBucket, SeriesResult } from './series-request.js'
import type { SeriesSettings } from './series-settings.js'

type Values = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** The buckets of a request, and what the storage computes in each. */
export async function readSeries(
  { readings }: Pick<ApiStorage, 'readings'>,
  type: AnyDeviceType,
  settings: SeriesSettings,
  now: number,
): Promise<SeriesResult<Values>> {
  const { figures, groupBy, devices, from, to, fill } = settings
  const { size, edges } = edgesOf(settings)
  const within = edges.map((edge) => Math.min(Math.max(edge, from), to))
  const rows = await readings.series(type, { devices, groupBy, figures, edges: within, now })
  const groups = byGroup(
    rows.filter((row) => !isEmpty(figures, row)),
    settings,
  )
  const budget = createSeriesBudget()
  const toValues = valuesOf(type, figures)
  return {
    interval: typeof size === 'number' ? durationText(size) : size,
    timeZone: settings.timeZone,
    source: 'raw',
    series: [...groups].map(([group, found]): Series<Values> => {
      const filled = fill === 'none' ? [...found] : fillSeries(figures, edges, found, fill)
      return {
        group,
        buckets: filled
          .sort(([a], [b]) => a - b)
          .map(([bucket, values]): SeriesBucket<Values> => {
            budget.row()
            return {
              start: new Date(edges[bucket] as number),
              end: new Date(edges[bucket + 1] as number),
              values: toValues(values),
            }
          }),
      }
    }),
  }
}

function edgesOf(settings: SeriesSettings): { readonly size: BucketSize | null; readonly edges: number[] } {
  const { from, to, interval, points, zone } = settings
  if (points !== null) return niceEdges({ from, to }, points, zone)
  if (interval === null) return { size: null, edges: [from, to] }
  const edges = bucketEdges({ from, to }, interval, zone, BUCKETS_MAX)
  if (edges !== null) return { size: interval, edges }
  throw new DeviceHubError(
    'invalid_query',
    `readings.series: from and to are more than ${BUCKETS_MAX} times the interval apart: narrow them, take a longer interval, or let points choose it`,
    { details: { function: 'readings.series', key: 'interval', maxBuckets: BUCKETS_MAX } },
  )
}

/** Nothing was measured, and nothing held. */
const isEmpty = (figures: readonly SeriesFigure[], { values }: SeriesRow): boolean =>
  values.every((value, index) => value === null || (figures[index]?.fn === 'count' && value === 0))

type Found = ReadonlyMap<number, readonly StoredValue[]>

function byGroup(
  rows: readonly SeriesRow[],
  { deviceIds, groupBy }: SeriesSettings,
): ReadonlyMap<string | null, Found> {
  const groups = new Map<string | null, Map<number, readonly StoredValue[]>>()
  if (groupBy === 'all') groups.set(null, new Map())
  if (groupBy === 'device') for (const id of deviceIds ?? []) groups.set(id, new Map())
  const order = (group: string | null) => (group === null ? '\uffff' : group)
  const found = [...new Set(rows.map(({ group }) => group))].sort((a, b) => (order(a) < order(b) ? -1 : 1))
  for (const group of found) if (!groups.has(group)) groups.set(group, new Map())
  for (const { group, bucket, values } of rows) groups.get(group)?.set(bucket, values)
  return groups
}

/** `first`, `last`, `min` and `max` are values of the reading; the others are numbers. */
const OF_THE_FIELD: ReadonlySet<string> = new Set(['first', 'last', 'min', 'max'])

function valuesOf(type: AnyDeviceType, figures: readonly SeriesFigure[]) {
  const names = [...new Set(figures.map(({ field }) => field))]
  return (values: readonly StoredValue[]): Values => {
    const byName = Object.fromEntries(names.map((name) => [name, {} as Record<string, unknown>]))
    figures.forEach(({ field, fn }, index) => {
      const value = values[index] ?? null
      const of = byName[field] as Record<string, unknown>
      of[fn] = OF_THE_FIELD.has(fn) ? fromStored(type.readings[field] as Field, value) : value
    })
    return byName
  }
}

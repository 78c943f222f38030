import type { AnyDeviceType, SeriesFunction } from '@devicehub/core'
import {
  BUCKETS_MAX,
  createSeriesBudget,
  foldSeries,
  type SeriesFigure,
  type SeriesQuery,
  type SeriesRow,
  type SeriesSource,
  type StoredValue,
  seriesField,
} from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { ReadConnection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { isWide, type ValueKind } from '../rows/column-source.js'
import { readRow } from '../rows/row-reader.js'
import type { SampleShape } from '../rows/sample-columns.js'
import { edgeParts } from './series-buckets.js'
import { edgeStatement, figureColumns } from './series-figures.js'
import { inRanges, readRanges, worthRanges } from './series-ranges.js'
import { type BucketedSamples, type Placed, samplesOf } from './series-samples.js'

/** Beside them, all databases find first and last values by a statement of its own, and the rest goes through the samples. */
const GROUPED: ReadonlySet<SeriesFunction> = new Set(['avg', 'sum', 'min', 'max', 'count'])
const PERCENTILES: ReadonlySet<SeriesFunction> = new Set(['p50', 'p95', 'p99'])
const EDGES: ReadonlySet<SeriesFunction> = new Set(['first', 'last'])

export async function readSeries(
  connection: ReadConnection,
  { kinds }: SampleShape,
  type: AnyDeviceType,
  query: SeriesQuery,
  source: SeriesSource,
): Promise<readonly SeriesRow[]> {
  const { figures, devices } = query
  for (const figure of figures) seriesField(type, figure)
  if ('deviceIds' in devices && devices.deviceIds.length === 0) return []
  const { dialect } = connection
  const isGrouped = ({ fn }: SeriesFigure) =>
    GROUPED.has(fn) || (dialect === 'postgres' && PERCENTILES.has(fn))
  const places = figures.map(
    (figure, place): Placed => ({
      ...figure,
      place,
      kind: kinds[type.readingNames.indexOf(figure.field)] as ValueKind,
      isLong: isWide(seriesField(type, figure)),
    }),
  )
  const isEdge = ({ fn }: SeriesFigure) => EDGES.has(fn)
  const streamed = places.filter((figure) => !isGrouped(figure) && !isEdge(figure))

  const answer = createAnswer(figures)
  const ranges = await worthRanges(connection, type, query)
  const isRanged = (figure: Placed) =>
    ranges !== null && !streamed.includes(figure) && inRanges(dialect, figure)
  const ranged = places.filter(isRanged)
  if (ranged.length > 0)
    for (const { deviceId, group } of ranges ?? [])
      await readRanges(connection, type, deviceId, query.edges, ranged, (bucket, place, value) =>
        answer.set(group, bucket, place, value),
      )
  const walked = places.filter((figure) => !isRanged(figure))
  const grouped = walked.filter(isGrouped)
  const edges = walked.filter(isEdge)
  for (const part of grouped.length + edges.length > 0 ? edgeParts(query.edges) : []) {
    const samples = samplesOf(dialect, type, query, part)
    if (grouped.length > 0) await readGrouped(connection, samples, grouped, answer)
    for (const figure of edges) await readEdges(connection, samples, figure, answer)
  }
  if (streamed.length > 0) {
    const rest = { ...query, figures: streamed.map(({ field, fn }) => ({ field, fn })) }
    for (const { group, bucket, values } of await foldSeries(type, rest, source))
      for (const [index, { place }] of streamed.entries())
        answer.set(group, bucket, place, values[index] ?? null)
  }
  return answer.rows()
}

/** One more than an answer may have tells that there are more. */
const MOST = sql`limit ${numberSql(BUCKETS_MAX + 1)}`

async function readGrouped(
  connection: ReadConnection,
  samples: BucketedSamples,
  figures: readonly Placed[],
  answer: Answer,
): Promise<void> {
  const { columns, expressions, readers } = figureColumns(connection.dialect, figures)
  const { rows } = await connection.run(
    sql`select ${sql.join([sql`x.g as c0`, sql`x.b as c1`, ...expressions])}
      from ${samples.from(columns)} group by x.g, x.b ${MOST}`,
  )
  for (const raw of rows) {
    const row = readRow(raw)
    for (const [index, read] of readers.entries())
      answer.set(row.text(0), row.number(1) ?? 0, (figures[index] as Placed).place, read(row))
  }
}

async function readEdges(
  connection: ReadConnection,
  samples: BucketedSamples,
  figure: Placed,
  answer: Answer,
): Promise<void> {
  const { rows } = await connection.run(sql`${edgeStatement(connection.dialect, samples, figure)} ${MOST}`)
  for (const raw of rows) {
    const row = readRow(raw)
    if (figure.isLong) answer.budget.bytes(row.number(3) ?? 0)
    answer.set(row.text(0), row.number(1) ?? 0, figure.place, row.value(2, figure.kind))
  }
}

interface Answer {
  readonly budget: ReturnType<typeof createSeriesBudget>
  set(group: string | null, bucket: number, place: number, value: StoredValue): void
  rows(): SeriesRow[]
}

function createAnswer(figures: readonly SeriesFigure[]): Answer {
  const budget = createSeriesBudget()
  const groups = new Map<string | null, Map<number, StoredValue[]>>()
  return {
    budget,
    set(group, bucket, place, value) {
      // A bucket in which there is nothing is none.
      if (value === null || (value === 0 && figures[place]?.fn === 'count')) return
      const buckets = groups.get(group) ?? new Map<number, StoredValue[]>()
      groups.set(group, buckets)
      let values = buckets.get(bucket)
      if (values === undefined) {
        budget.row()
        values = figures.map(({ fn }) => (fn === 'count' ? 0 : null))
        buckets.set(bucket, values)
      }
      values[place] = value
    },
    rows: () =>
      [...groups].flatMap(([group, buckets]) =>
        Array.from(buckets, ([bucket, values]) => ({ group, bucket, values })),
      ),
  }
}

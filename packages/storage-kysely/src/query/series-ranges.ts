import type { AnyDeviceType } from '@devicehub/core'
import type { SeriesQuery, StoredValue } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { ReadConnection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { numberSql } from '../connection/number-sql.js'
import { asStored, timeValue } from '../connection/sql-fragments.js'
import { columnAlias, readRow } from '../rows/row-reader.js'
import { tableNames } from '../schema/tables.js'
import { figureColumns } from './series-figures.js'
import type { Placed } from './series-samples.js'

/** Devices that are read one by one. */
const DEVICES_MAX = 10
/** Buckets of a series that are read one by one: of more, each is short, and one walk over all rows costs less. */
const BUCKETS_MAX = 2_000
/** Of a statement. SQLite admits 500 terms of a union. */
const TERMS_MAX = 400
/** Of a statement. SQLite admits 32,766. */
const PARAMETERS_MAX = 30_000

/** A device, the group that its figures are of, and the buckets. */
export interface DeviceRanges {
  readonly deviceId: string
  readonly group: string | null
}

/**
 * The devices whose buckets are read one by one: each is one range in the index of device and time, and its first and
 * last value one step in it. Null where they are too many, or where samples of several devices are put together.
 */
function deviceRanges({ devices, groupBy, edges }: SeriesQuery): readonly DeviceRanges[] | null {
  if (!('deviceIds' in devices) || edges.length > BUCKETS_MAX + 1) return null
  const ids = [...new Set(devices.deviceIds)]
  if (groupBy === 'device' && ids.length <= DEVICES_MAX)
    return ids.map((deviceId) => ({ deviceId, group: deviceId }))
  const [only] = ids
  return groupBy === 'all' && ids.length === 1 && only !== undefined
    ? [{ deviceId: only, group: null }]
    : null
}

/** Samples of a bucket from which on it costs less to read it alone than to sort its samples among all. */
const SAMPLES_MIN = 50

/**
 * The same, or null where the buckets hold few samples: each range is a term of the statement, which SQLite and MySQL take
 * about as long to plan as to group so many samples. The index tells whether there are enough of them.
 */
export async function worthRanges(
  connection: ReadConnection,
  type: AnyDeviceType,
  query: SeriesQuery,
): Promise<readonly DeviceRanges[] | null> {
  const ranges = deviceRanges(query)
  const { dialect } = connection
  if (ranges === null || dialect === 'postgres') return ranges
  const { edges } = query
  const enough = SAMPLES_MIN * (edges.length - 1) * ranges.length
  const ids = ranges.map(({ deviceId }) => deviceId)
  const [from, to] = [edges[0] as number, edges.at(-1) as number].map((time) => timeValue(dialect, time))
  const { rows } = await connection.run(
    sql`select count(*) as c0 from (select 1 as n from ${sql.table(tableNames(type).reading)} as t
      where t.device_id in (${sql.join(ids)}) and t.timestamp >= ${from} and t.timestamp < ${to}
      limit ${numberSql(enough)}) as w`,
  )
  const found = rows[0] === undefined ? 0 : (readRow(rows[0]).number(0) ?? 0)
  return found < enough ? null : ranges
}

/** Which figures can be computed so: values that may be long are read within a budget, elsewhere. */
export const inRanges = (dialect: ReadConnection['dialect'], { fn, isLong }: Placed): boolean =>
  fn === 'first' || fn === 'last' ? !isLong : dialect !== 'postgres'

type SetFigure = (bucket: number, place: number, value: StoredValue) => void

export async function readRanges(
  connection: ReadConnection,
  type: AnyDeviceType,
  deviceId: string,
  edges: readonly number[],
  figures: readonly Placed[],
  set: SetFigure,
): Promise<void> {
  const { dialect } = connection
  const grouped = figures.filter(({ fn }) => fn !== 'first' && fn !== 'last')
  const outer = figures.filter((figure) => !grouped.includes(figure))
  const { columns, expressions, readers } = figureColumns(dialect, grouped)
  const table = sql.table(tableNames(type).reading)

  const edgeOf = ({ field, fn, kind }: Placed, range: RawBuilder<unknown>) => {
    const [column, direction] = [sql.ref(`t.${field}`), directionSql(fn === 'first' ? 'asc' : 'desc')]
    return sql`(select ${asStored(dialect, kind, column)} from ${table} as t where ${range} and ${column} is not null
      order by t.timestamp ${direction}, t.id ${direction} limit 1)`
  }
  const within = (from: RawBuilder<unknown>, to: RawBuilder<unknown>) =>
    sql`t.device_id = ${deviceId} and t.timestamp >= ${from} and t.timestamp < ${to}`
  const list = (bucket: RawBuilder<unknown>, range: RawBuilder<unknown>) =>
    sql.join([
      sql`${bucket} as c1`,
      ...expressions,
      ...outer.map(
        (figure, index) =>
          sql`${edgeOf(figure, range)} as ${sql.ref(columnAlias(2 + expressions.length + index))}`,
      ),
    ])
  const term = (bucket: number) => {
    const time = (edge: number) => timeValue(dialect, edges[edge] as number)
    const range = within(time(bucket), time(bucket + 1))
    const selected = list(sql`${bucket}`, range)
    if (grouped.length === 0) return sql`select ${selected}`
    return sql`select ${selected} from (select ${sql.join(columns)} from ${table} as t where ${range}) as x`
  }
  /** PostgreSQL takes long for a union of many terms. */
  const lateral = (buckets: readonly number[]) => {
    const rows = buckets.map((bucket) => {
      const time = (edge: number) => timeValue(dialect, edges[edge] as number)
      return sql`(${bucket}::int, ${time(bucket)}, ${time(bucket + 1)})`
    })
    return sql`select ${list(sql`v.b`, within(sql`v.lo`, sql`v.hi`))} from (values ${sql.join(rows)}) as v(b, lo, hi)`
  }

  const all = Array.from({ length: edges.length - 1 }, (_, bucket) => bucket)
  const size = Math.min(TERMS_MAX, Math.floor(PARAMETERS_MAX / (4 + 3 * outer.length)))
  for (let at = 0; at < all.length; at += size) {
    const buckets = all.slice(at, at + size)
    const statement =
      dialect === 'postgres' ? lateral(buckets) : sql.join(buckets.map(term), sql` union all `)
    for (const raw of (await connection.run(statement)).rows) {
      const row = readRow(raw)
      const bucket = row.number(1) ?? 0
      for (const [index, read] of readers.entries()) set(bucket, (grouped[index] as Placed).place, read(row))
      for (const [index, { place, kind }] of outer.entries())
        set(bucket, place, row.value(2 + expressions.length + index, kind))
    }
  }
}

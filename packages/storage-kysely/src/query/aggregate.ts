import type { AggregateFunction, AnyDeviceType } from '@devicehub/core'
import {
  type AggregateBucket,
  type AggregateQuery,
  aggregateField,
  averageOfParts,
  BUCKETS_MAX,
  createBucketBudget,
  LATEST_BYTES,
  sumOfParts,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { KnownTypes } from '../commit/known-types.js'
import type { Connection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { numberSql } from '../connection/number-sql.js'
import { and, asStored } from '../connection/sql-fragments.js'
import { isWide, type ValueKind } from '../rows/column-source.js'
import { columnAlias, type RowReader, readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { bucketSql } from './calendar-bucket-sql.js'
import { edgeRows } from './edge-rows.js'
import { readingConditions } from './reading-conditions.js'
import { sumPartsSql } from './sum-parts.js'

export async function aggregate(
  connection: Pick<Connection, 'dialect' | 'run'>,
  known: KnownTypes,
  type: AnyDeviceType,
  query: AggregateQuery,
): Promise<AggregateBucket[]> {
  const { field: name, fn, interval, ...filter } = query
  const { dialect } = connection
  const shape = known.shapeOf(type)
  const isLong = isWide(aggregateField(type, query))
  const kind = shape.kinds[type.readingNames.indexOf(name)] as ValueKind
  const column = sql.ref(`t.${name}`)
  const table = sql`${sql.table(tableNames(type).reading)} as t`
  const where = and(readingConditions(dialect, type, filter))
  const bucket = interval ? bucketSql(dialect, interval) : null
  const isEdge = fn === 'first' || fn === 'last'

  const budget = createBucketBudget(interval)
  const statement = isEdge
    ? edgeSql({ value: asStored(dialect, kind, column), column, table, where, bucket, fn, isLong })
    : bucket
      ? sql`select ${bucket} as c0, ${resultSql(dialect, kind, fn, column)} from ${table} where ${where}
          group by ${bucket} order by 1 ${MOST}`
      : sql`select null as c0, ${resultSql(dialect, kind, fn, column)} from ${table} where ${where}`
  const { rows } = await asStorageErrors(`aggregating ${name} of ${type.name}`, () =>
    connection.run(statement),
  )

  const result = rows.map((raw) => {
    const row = readRow(raw)
    budget.take(isEdge && isLong ? (row.number(2) ?? 0) : 0)
    return { bucket: row.number(0), result: isEdge ? row.value(1, kind) : resultOf(fn, row) }
  })
  return result.length === 0 && !interval ? [{ bucket: null, result: null }] : result
}

/** One more than an answer may have tells that there are more. */
const MOST = sql`limit ${numberSql(BUCKETS_MAX + 1)}`

function resultOf(fn: AggregateFunction, row: RowReader): number | null {
  if (fn !== 'sum' && fn !== 'avg') return row.number(1)
  const parts = { count: row.number(1) ?? 0, ordinary: row.number(2) ?? 0, large: row.number(3) ?? 0 }
  return fn === 'sum' ? sumOfParts(parts) : averageOfParts(parts)
}

/** What `resultOf` reads. */
function resultSql(
  dialect: SqlDialect,
  kind: ValueKind,
  fn: Exclude<AggregateFunction, 'first' | 'last'>,
  column: RawBuilder<unknown>,
): RawBuilder<unknown> {
  switch (fn) {
    case 'count':
      return sql`count(${column}) as c1`
    case 'min':
    case 'max':
      return sql`${asStored(dialect, kind, fn === 'min' ? sql`min(${column})` : sql`max(${column})`)} as c1`
    case 'sum':
    case 'avg':
      return sql.join(
        sumPartsSql(dialect, kind, column).map(
          (part, index) => sql`${part} as ${sql.ref(columnAlias(index + 1))}`,
        ),
      )
  }
}

interface Edge {
  readonly value: RawBuilder<unknown>
  readonly column: RawBuilder<unknown>
  readonly table: RawBuilder<unknown>
  readonly where: RawBuilder<unknown>
  readonly bucket: RawBuilder<unknown> | null
  readonly fn: 'first' | 'last'
  /** Whether values may be long: only those that an answer takes together are then read. */
  readonly isLong: boolean
}

/**
 * The first or last value by measured time, or by received time when the measured one cannot be true. A bucket of
 * nulls has null.
 */
function edgeSql({ value, column, table, where, bucket, fn, isLong }: Edge): RawBuilder<unknown> {
  const direction = directionSql(fn === 'first' ? 'asc' : 'desc')
  const order = sql`coalesce(t.order_at, t.timestamp) ${direction}, t.id ${direction}`
  if (!bucket) {
    const candidates = edgeRows(
      sql`${value} as c1`,
      table,
      sql`${where} and ${column} is not null`,
      direction,
    )
    return sql`select null as c0, e.c1 as c1 from (${candidates}) as e order by e.place ${direction}, e.id ${direction} limit 1`
  }
  const edges = sql`select e.c0, e.c1 from (select ${bucket} as c0, ${value} as c1, row_number() over (
    partition by ${bucket} order by case when ${column} is null then 1 else 0 end, ${order}) as place
    from ${table} where ${where}) as e where e.place = 1`
  if (!isLong) return sql`${edges} order by e.c0 ${MOST}`
  const bytes = sql`octet_length(f.c1)`
  return sql`select f.c0, case when sum(${bytes}) over () <= ${numberSql(LATEST_BYTES)} then f.c1 end as c1, ${bytes} as c2
    from (${edges}) as f order by f.c0 ${MOST}`
}

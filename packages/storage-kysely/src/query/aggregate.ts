import type { AggregateFunction, AnyDeviceType } from '@devicehub/core'
import type { AggregateBucket, AggregateQuery } from '@devicehub/core/storage'
import { aggregateField } from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'
import { type RawBuilder, sql } from 'kysely'
import type { KnownTypes } from '../commit/known-types.js'
import type { Connection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { and, asStored } from '../connection/sql-fragments.js'
import type { ValueKind } from '../rows/column-source.js'
import { readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { bucketSql } from './calendar-bucket-sql.js'
import { edgeRows } from './edge-rows.js'
import { readingConditions } from './reading-conditions.js'

export async function aggregate(
  connection: Connection,
  known: KnownTypes,
  type: AnyDeviceType,
  query: AggregateQuery,
): Promise<AggregateBucket[]> {
  const { field: name, fn, interval, ...filter } = query
  const { dialect } = connection
  const shape = known.shapeOf(type)
  aggregateField(type, query)
  const kind = shape.kinds[type.readingNames.indexOf(name)] as ValueKind
  const column = sql.ref(`t.${name}`)
  const table = sql`${sql.table(tableNames(type).reading)} as t`
  const where = and(readingConditions(dialect, filter))
  const bucket = interval ? bucketSql(dialect, interval) : null
  const isEdge = fn === 'first' || fn === 'last'

  const statement = isEdge
    ? edgeSql({ value: asStored(dialect, kind, column), column, table, where, bucket, fn })
    : bucket
      ? sql`select ${bucket} as c0, ${resultSql(dialect, kind, fn, column)} as c1 from ${table} where ${where} group by ${bucket} order by 1`
      : sql`select null as c0, ${resultSql(dialect, kind, fn, column)} as c1 from ${table} where ${where}`
  const { rows } = await asStorageErrors(`aggregating ${name} of ${type.name}`, () =>
    connection.run(statement),
  )

  const result = rows.map((raw) => {
    const row = readRow(raw)
    const value: StoredValue = isEdge ? row.value(1, kind) : row.value(1, 'float')
    return { bucket: row.number(0), result: value }
  })
  return result.length === 0 && !interval ? [{ bucket: null, result: null }] : result
}

/** Sums and averages in floating point: those of integers could overflow the database's integers, or be truncated. */
function resultSql(
  dialect: SqlDialect,
  kind: ValueKind,
  fn: Exclude<AggregateFunction, 'first' | 'last'>,
  column: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const float =
    dialect === 'postgres'
      ? sql`${column}::float8`
      : dialect === 'mysql'
        ? sql`(${column} + 0e0)`
        : sql`(${column} * 1.0)`
  switch (fn) {
    case 'count':
      return sql`count(${column})`
    case 'min':
    case 'max':
      return asStored(dialect, kind, fn === 'min' ? sql`min(${column})` : sql`max(${column})`)
    case 'sum':
      return sql`sum(${float})`
    case 'avg':
      return sql`avg(${float})`
  }
}

interface Edge {
  readonly value: RawBuilder<unknown>
  readonly column: RawBuilder<unknown>
  readonly table: RawBuilder<unknown>
  readonly where: RawBuilder<unknown>
  readonly bucket: RawBuilder<unknown> | null
  readonly fn: 'first' | 'last'
}

/**
 * The first or last value by measured time, or by received time when the measured one cannot be true. A bucket of
 * nulls has null.
 */
function edgeSql({ value, column, table, where, bucket, fn }: Edge): RawBuilder<unknown> {
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
  return sql`select e.c0, e.c1 from (select ${bucket} as c0, ${value} as c1, row_number() over (
    partition by ${bucket} order by case when ${column} is null then 1 else 0 end, ${order}) as place
    from ${table} where ${where}) as e where e.place = 1 order by e.c0`
}

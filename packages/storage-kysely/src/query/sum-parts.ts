import { LARGE, LARGE_SCALE } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { numberSql } from '../connection/number-sql.js'
import type { ValueKind } from '../rows/column-source.js'
import type { SqlDialect } from '../schema/logical-type.js'

/**
 * The parts of a sum, see `SumParts`: count, ordinary, large. In floating point: sums of integers could overflow the
 * database's integers. No `avg`: PostgreSQL's adds up squares as well, which overflow from 1e154 on.
 */
export function sumPartsSql(
  dialect: SqlDialect,
  kind: ValueKind,
  column: RawBuilder<unknown>,
): readonly RawBuilder<unknown>[] {
  const isPostgres = dialect === 'postgres'
  const count = sql`count(${column})`
  if (kind === 'integer') {
    const float = isPostgres ? sql`${column}::float8` : sql`(${column} * 1e0)`
    return [count, sql`sum(${float})`, sql`0`]
  }
  const number = (value: number) => (isPostgres ? sql`${numberSql(value)}::float8` : numberSql(value))
  const range = sql`between ${number(-LARGE)} and ${number(LARGE)}`
  return [
    count,
    sql`sum(case when ${column} ${range} then ${column} end)`,
    sql`sum(case when ${column} not ${range} then ${column} * ${number(LARGE_SCALE)} end)`,
  ]
}

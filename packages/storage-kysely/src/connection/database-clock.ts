import { type RawBuilder, sql } from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'

/**
 * The database's clock in epoch milliseconds, read when the expression is evaluated: a statement that waited for a
 * lock must not compare with the time it began.
 */
export const databaseNow = (dialect: SqlDialect): RawBuilder<number> => sql.raw(databaseNowSql(dialect))

/** For a statement that is put together as text. */
export function databaseNowSql(dialect: SqlDialect): string {
  switch (dialect) {
    case 'postgres':
      return '(extract(epoch from clock_timestamp()) * 1000)::bigint'
    case 'sqlite':
      // Of this step of the statement, which begins when it has the lock.
      return "cast(round((julianday('now') - 2440587.5) * 86400000) as integer)"
    case 'mysql':
      // The statement's beginning in UTC and what has passed since: sysdate alone is local time, which an hour a year has twice.
      return "((timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) + timestampdiff(microsecond, now(3), sysdate(3))) div 1000)"
  }
}

/**
 * The time at which the statement began, which an index search can use. Only for reads without a lock: what they find
 * is compared again with `databaseNow` before it is used.
 */
export function statementNow(dialect: SqlDialect): RawBuilder<number> {
  if (dialect === 'mysql') return sql`(timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000)`
  return sql`(select ${databaseNow(dialect)})`
}

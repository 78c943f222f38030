import type { Interval } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'
import { numberSql } from '../connection/number-sql.js'
import type { SqlDialect } from '../schema/logical-type.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const time = sql`t.timestamp`

/** As literals: an expression to group by is the same in both places only without parameters. */
const FIELD: Readonly<Record<Interval, RawBuilder<unknown>>> = {
  minute: sql`'minute'`,
  hour: sql`'hour'`,
  day: sql`'day'`,
  week: sql`'week'`,
  month: sql`'month'`,
}

/** Start of the UTC calendar bucket of `t.timestamp` in epoch milliseconds: what core's `calendarBucket` computes. */
export function bucketSql(dialect: SqlDialect, interval: Interval): RawBuilder<unknown> {
  if (dialect === 'postgres')
    return sql`(extract(epoch from date_trunc(${FIELD[interval]}, ${time} at time zone 'UTC')) * 1000)::bigint`
  switch (interval) {
    case 'minute':
      return floorTo(MINUTE)
    case 'hour':
      return floorTo(HOUR)
    case 'day':
      return floorTo(DAY)
    case 'week':
      // Day 0 of the epoch was a Thursday, three days after a Monday.
      return floorTo(7 * DAY, 3 * DAY)
    case 'month':
      return dialect === 'sqlite' ? sqliteMonth : mysqlMonth
  }
}

/** Both databases truncate a division towards zero, and times before 1970 are negative. */
const floorTo = (size: number, shift = 0): RawBuilder<unknown> => {
  const [width, offset] = [numberSql(size), numberSql(shift)]
  return sql`(${time} - (((${time} + ${offset}) % ${width}) + ${width}) % ${width})`
}

const days = sql`(${floorTo(DAY)} / ${numberSql(DAY)})`

const sqliteMonth = sql`(cast(strftime('%s', ${floorTo(DAY)} / 1000, 'unixepoch', 'start of month') as integer) * 1000)`

// No function of a Unix time: those go by the session's time zone.
const date = sql`date_add('1970-01-01', interval cast(${days} as signed) day)`
const mysqlMonth = sql`((to_days(${date}) - dayofmonth(${date}) + 1 - to_days('1970-01-01')) * ${numberSql(DAY)})`

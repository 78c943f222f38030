import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { readRow } from '../rows/row-reader.js'
import type { LogTable } from './table-log.js'

/** What lies behind a cursor in a table, and the order of the index in which it is found. */
interface Behind {
  readonly behind: RawBuilder<unknown>
  readonly order: RawBuilder<unknown>
}

/** Rows of all tables together, up to `max`: no table is read any further. */
export async function countBehind(
  connection: Connection,
  tables: readonly LogTable[],
  max: number,
  of: (table: LogTable) => Behind,
): Promise<number> {
  if (tables.length === 0 || max <= 0) return 0
  const counts = tables.map((table) => {
    const { behind, order } = of(table)
    return sql`(select count(*) from
      (select 1 as n from ${sql.table(table.name)} as t where ${behind} order by ${order} limit ${numberSql(max)}) as u)`
  })
  const { rows } = await connection.run(sql`select ${sql.join(counts, sql` + `)} as c0`)
  return Math.min(max, rows[0] ? (readRow(rows[0]).number(0) ?? 0) : 0)
}

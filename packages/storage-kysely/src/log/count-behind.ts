import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { readRow } from '../rows/row-reader.js'
import type { LogTable } from './table-log.js'

/** The rows of a table after a cursor, and the index order in which they are found. */
interface Behind {
  readonly behind: RawBuilder<unknown>
  readonly order: RawBuilder<unknown>
}

/** Counts rows of all tables together, up to `max`; stops reading there. */
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

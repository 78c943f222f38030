import { type Kysely, sql } from 'kysely'
import type { Insert } from '../commit/columns.js'
import { type DriverRow, readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { NO_IDS, type Writes, type WrittenIds } from './connection.js'
import { insertSql, touchSql } from './values-write.js'

type Database = Kysely<unknown>

/** Writes with INSERT ... VALUES, and reads the ids of the rows that were asked for. */
export async function writeValues(
  db: Database,
  dialect: SqlDialect,
  { inserts, touches }: Writes,
): Promise<WrittenIds> {
  const written = new Map<string, readonly number[]>()
  for (const insert of inserts) {
    const ids: number[] = []
    for (const { query, rows } of insertSql(dialect, insert)) {
      const { insertId } = await db.executeQuery(query)
      if (insert.returnsIds && insertId !== undefined)
        ids.push(...(await idsOf(db, dialect, insert, Number(insertId), rows)))
    }
    if (ids.length === insert.rows) written.set(insert.table, ids)
  }
  for (const touch of touches)
    for (const statement of touchSql(dialect, touch)) await db.executeQuery(statement)
  return written.size === 0 ? NO_IDS : written
}

/**
 * SQLite returns the last id of a statement, and has one writer. MySQL returns the first, and a cluster counts in
 * steps.
 */
async function idsOf(
  db: Database,
  dialect: SqlDialect,
  { table }: Insert,
  named: number,
  rows: number,
): Promise<readonly number[]> {
  if (dialect === 'sqlite') return Array.from({ length: rows }, (_, index) => named - rows + 1 + index)
  if (rows === 1) return [named]
  const found = await sql<DriverRow>`select id as c0 from ${sql.table(table)}
    where id >= ${named} order by id limit ${rows}`.execute(db)
  return found.rows.map((row) => readRow(row).number(0) ?? 0)
}

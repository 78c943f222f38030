import { type QueryExecutorProvider, sql } from 'kysely'
import type { ExistingIndex, ExistingTable, TablesFound } from './existing-tables.js'

export async function introspectSqlite(
  db: QueryExecutorProvider,
  names: readonly string[],
): Promise<TablesFound> {
  const columns = await sql<{
    table_name: string
    name: string
    type: string
    not_null: number
    has_default: number
    pk: number
  }>`
    select m.name as table_name, c.name, lower(c.type) as type, c."notnull" as not_null,
      c.dflt_value is not null as has_default, c.pk
    from sqlite_master m join pragma_table_info(m.name) c
    where m.type = 'table' and m.name in (${sql.join(names)})
    order by m.name, c.cid`.execute(db)
  const indexes = await sql<{
    table_name: string
    name: string
    is_unique: number
    partial: number
    column_name: string | null
  }>`
    select m.name as table_name, l.name, l."unique" as is_unique, l.partial, i.name as column_name
    from sqlite_master m join pragma_index_list(m.name) l join pragma_index_info(l.name) i
    where m.type = 'table' and m.name in (${sql.join(names)})
    order by m.name, l.name, i.seqno`.execute(db)

  const tables = new Map<string, ExistingTable>()
  for (const name of new Set(columns.rows.map((row) => row.table_name))) {
    const own = columns.rows.filter((row) => row.table_name === name)
    const found = new Map<string, ExistingIndex>()
    for (const row of indexes.rows.filter((index) => index.table_name === name)) {
      const index = found.get(row.name)
      found.set(row.name, {
        columns: [...(index?.columns ?? []), row.column_name ?? ''],
        unique: row.is_unique === 1,
        partial: row.partial === 1,
      })
    }
    tables.set(name, {
      name,
      columns: own.map((row) => ({
        name: row.name,
        type: row.type,
        nullable: row.not_null === 0 && row.pk === 0,
        hasDefault: row.has_default === 1 || row.pk !== 0,
      })),
      primaryKey: own
        .filter((row) => row.pk > 0)
        .sort((a, b) => a.pk - b.pk)
        .map((row) => row.name),
      primaryKeyName: null,
      indexes: found,
    })
  }
  return { tables, collation: null }
}

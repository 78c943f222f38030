import { type QueryExecutorProvider, sql } from 'kysely'
import type { ExistingIndex, ExistingTable, TablesFound } from './existing-tables.js'

/**
 * Reads the catalog, not information_schema, which shows only what the role may use: a table of another owner would
 * seem to be missing.
 */
export async function introspectPostgres(
  db: QueryExecutorProvider,
  names: readonly string[],
): Promise<TablesFound> {
  const columns = await sql<{
    table_name: string
    name: string
    type: string
    nullable: boolean
    has_default: boolean
  }>`
    select c.relname as table_name, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
      not a.attnotnull as nullable, (a.atthasdef or a.attidentity <> '') as has_default
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
      and c.relname in (${sql.join(names)}) and a.attnum > 0 and not a.attisdropped
    order by c.relname, a.attnum`.execute(db)
  // An expression has attnum 0 and no name: such an index is none of ours.
  const indexes = await sql<{
    table_name: string
    name: string
    is_unique: boolean
    is_primary: boolean
    partial: boolean
    column_name: string | null
  }>`
    select c.relname as table_name, ic.relname as name, i.indisunique as is_unique, i.indisprimary as is_primary,
      i.indpred is not null as partial, a.attname as column_name
    from pg_class c join pg_index i on i.indrelid = c.oid and i.indisvalid
      join pg_class ic on ic.oid = i.indexrelid
      cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, position)
      left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
    where c.relnamespace = current_schema()::regnamespace and c.relname in (${sql.join(names)})
      and k.position <= i.indnkeyatts
    order by c.relname, ic.relname, k.position`.execute(db)

  const tables = new Map<string, ExistingTable>()
  for (const name of new Set(columns.rows.map((row) => row.table_name))) {
    const found = new Map<string, ExistingIndex>()
    let primaryKey: string[] = []
    let primaryKeyName: string | null = null
    for (const row of indexes.rows.filter((index) => index.table_name === name)) {
      if (row.is_primary) {
        primaryKeyName = row.name
        primaryKey = [...primaryKey, row.column_name ?? '']
        continue
      }
      const index = found.get(row.name)
      found.set(row.name, {
        columns: [...(index?.columns ?? []), row.column_name ?? ''],
        unique: row.is_unique,
        partial: row.partial,
      })
    }
    tables.set(name, {
      name,
      columns: columns.rows
        .filter((row) => row.table_name === name)
        .map((row) => ({
          name: row.name,
          type: row.type.replace(/^character varying/, 'varchar'),
          nullable: row.nullable,
          hasDefault: row.has_default,
        })),
      primaryKey,
      primaryKeyName,
      indexes: found,
    })
  }
  return { tables, collation: null }
}

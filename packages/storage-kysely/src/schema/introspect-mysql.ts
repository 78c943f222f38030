import { type QueryExecutorProvider, sql } from 'kysely'
import type { ExistingIndex, ExistingTable, TablesFound } from './existing-tables.js'

/** MySQL spells the columns of information_schema in capitals, MariaDB as asked: hence an alias for each. */
export async function introspectMysql(
  db: QueryExecutorProvider,
  names: readonly string[],
): Promise<TablesFound> {
  const columns = await sql<{
    table_name: string
    name: string
    type: string
    nullable: string
    fallback: string | null
    extra: string
  }>`
    select table_name as table_name, column_name as name, column_type as type, is_nullable as nullable,
      column_default as fallback, extra as extra
    from information_schema.columns
    where table_schema = database() and table_name in (${sql.join(names)})
    order by table_name, ordinal_position`.execute(db)
  const indexes = await sql<{
    table_name: string
    name: string
    non_unique: number | string
    column_name: string | null
  }>`
    select table_name as table_name, index_name as name, non_unique as non_unique, column_name as column_name
    from information_schema.statistics
    where table_schema = database() and table_name in (${sql.join(names)})
    order by table_name, index_name, seq_in_index`.execute(db)

  const tables = new Map<string, ExistingTable>()
  for (const name of new Set(columns.rows.map((row) => row.table_name))) {
    const found = new Map<string, ExistingIndex>()
    const primaryKey: string[] = []
    for (const row of indexes.rows.filter((index) => index.table_name === name)) {
      if (row.name === 'PRIMARY') {
        primaryKey.push(row.column_name ?? '')
        continue
      }
      const index = found.get(row.name)
      found.set(row.name, {
        columns: [...(index?.columns ?? []), row.column_name ?? ''],
        unique: Number(row.non_unique) === 0,
        partial: false,
      })
    }
    tables.set(name, {
      name,
      columns: columns.rows
        .filter((row) => row.table_name === name)
        .map((row) => ({
          name: row.name,
          type: plainType(row.type),
          nullable: row.nullable === 'YES',
          hasDefault: hasDefault(row.fallback, row.extra),
        })),
      primaryKey,
      primaryKeyName: 'PRIMARY',
      indexes: found,
    })
  }
  return { tables, collation: await exactCollation(db) }
}

/** MariaDB writes `bigint(20)`, MySQL `bigint`. Of `tinyint(1)` the width is the meaning. */
const plainType = (type: string) => type.toLowerCase().replace(/^(bigint|int|smallint)\(\d+\)/, '$1')

const hasDefault = (fallback: string | null, extra: string) =>
  fallback !== null || /auto_increment|default_generated|generated/i.test(extra)

/**
 * Ids differ by case and by a trailing space; utf8mb4_bin ignores the latter. The collations that do not are spelled
 * differently on the two servers.
 */
async function exactCollation(db: QueryExecutorProvider): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select collation_name as name from information_schema.collations
    where collation_name in ('utf8mb4_0900_bin', 'utf8mb4_nopad_bin')`.execute(db)
  return rows[0]?.name ?? 'utf8mb4_bin'
}

import { type QueryExecutorProvider, sql } from 'kysely'
import type { ExistingTable, TablesFound } from './existing-tables.js'
import { introspectMysql } from './introspect-mysql.js'
import { introspectPostgres } from './introspect-postgres.js'
import { introspectSqlite } from './introspect-sqlite.js'
import type { SqlDialect } from './logical-type.js'
import { SCHEMA_TABLE } from './tables.js'

export interface ExistingSchema {
  readonly tables: ReadonlyMap<string, ExistingTable>
  /** What `devicehub_schema` says: table -> column -> kind. */
  readonly recorded: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** And of columns that were renamed: table -> former name -> present name. */
  readonly renamed: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** MySQL and MariaDB: the collation for new tables. */
  readonly collation: string | null
}

const INTROSPECT: Readonly<
  Record<SqlDialect, (db: QueryExecutorProvider, names: readonly string[]) => Promise<TablesFound>>
> = { sqlite: introspectSqlite, postgres: introspectPostgres, mysql: introspectMysql }

/** What the database has of these tables, in the schema (PostgreSQL) or database (MySQL) that the connection works in. */
export async function introspect(
  db: QueryExecutorProvider,
  dialect: SqlDialect,
  names: readonly string[],
): Promise<ExistingSchema> {
  const found = await INTROSPECT[dialect](db, names)
  const recorded = new Map<string, Map<string, string>>()
  const renamed = new Map<string, Map<string, string>>()
  const schema = found.tables.get(SCHEMA_TABLE)
  if (schema !== undefined) {
    // A database of an earlier release has no such column.
    const knowsRenames = schema.columns.some(({ name }) => name === 'renamed_to')
    const { rows } = await sql<SchemaRow>`
      select table_name, column_name, kind, ${knowsRenames ? sql.ref('renamed_to') : sql`null`} as renamed_to
      from ${sql.table(SCHEMA_TABLE)}`.execute(db)
    for (const { table_name, column_name, kind, renamed_to } of rows)
      if (renamed_to === null) put(recorded, table_name, column_name, kind)
      else put(renamed, table_name, column_name, renamed_to)
  }
  return { ...found, recorded, renamed }
}

interface SchemaRow {
  readonly table_name: string
  readonly column_name: string
  readonly kind: string
  readonly renamed_to: string | null
}

function put(tables: Map<string, Map<string, string>>, table: string, column: string, value: string): void {
  const columns = tables.get(table) ?? new Map<string, string>()
  tables.set(table, columns.set(column, value))
}

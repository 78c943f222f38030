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
  if (found.tables.has(SCHEMA_TABLE)) {
    const { rows } = await sql<{ table_name: string; column_name: string; kind: string }>`
      select table_name, column_name, kind from ${sql.table(SCHEMA_TABLE)}`.execute(db)
    for (const row of rows) {
      const columns = recorded.get(row.table_name) ?? new Map<string, string>()
      recorded.set(row.table_name, columns.set(row.column_name, row.kind))
    }
  }
  return { ...found, recorded }
}

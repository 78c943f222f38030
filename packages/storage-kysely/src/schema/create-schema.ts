import type { MigrateOptions, SchemaPlan } from '@devicehub/core/storage'
import type { Kysely, QueryExecutorProvider } from 'kysely'
import { firstConnection } from '../connection/first-connection.js'
import { withRefusals } from '../connection/storage-refused.js'
import { asStorageErrors } from '../storage-error.js'
import type { SqlTarget } from './ddl.js'
import { introspect } from './introspect.js'
import { applySteps, recordColumns, seedTables } from './migrate.js'
import { withMigrationLock } from './migration-lock.js'
import { planSteps } from './plan.js'
import { hypertableWithoutOption, refusal, wrongDialect } from './schema-errors.js'
import { acceptMigrate, acceptSchema, type SchemaSource, type TableOptions } from './schema-options.js'
import { tablesOf } from './tables.js'
import { hypertablesAmong, introspectTimescale } from './timescale.js'
import { migrationFile } from './write-migration.js'

/** Compares the declared tables with those in the database, and changes the latter. */
export interface Schema {
  /**
   * The steps from the existing tables to the declared ones, each with its SQL. With `allowDestructive` also those
   * that drop columns no longer declared.
   */
  plan(options?: MigrateOptions): Promise<SchemaPlan>
  /**
   * Applies the plan and returns it. Safe when several processes start at once. `schema_refused` when a step would
   * lose data and `allowDestructive` is not set; nothing is changed then.
   */
  migrate(options?: MigrateOptions): Promise<SchemaPlan>
  /** The plan as a migration file for Kysely's Migrator, in TypeScript; null when there is nothing to change. */
  writeMigration(options?: MigrateOptions): Promise<string | null>
}

/**
 * Creates a schema for migrations as files. `hub.storage.plan()` and `hub.storage.migrate()` do the same without it.
 * `invalid_definition` when two types would use the same table, or a name is too long for the databases.
 *
 * @example
 * import { writeFile } from 'node:fs/promises'
 * import { createSchema, sqliteDialect } from '@devicehub/storage-kysely'
 * import { Kysely } from 'kysely'
 * import { WeatherStation } from './hub.js'
 *
 * const db = new Kysely<unknown>({ dialect: sqliteDialect({ file: 'devices.db' }) })
 * const schema = createSchema({ db, dialect: 'sqlite', types: [WeatherStation] })
 * const migration = await schema.writeMigration()
 * if (migration !== null) await writeFile('migrations/2026-01-31.ts', migration)
 */
export function createSchema<DB>(given: SchemaSource<DB>): Schema {
  const source = acceptSchema<DB>(given)
  const { dialect } = source
  const options: TableOptions = { ...source.options, dialect }
  if (options.timescale) {
    if (dialect !== 'postgres') throw wrongDialect(dialect)
  }
  const tables = tablesOf(source.types, options)
  const names = tables.map((table) => table.name)
  // Kysely plugins that rename tables and columns must not apply to the hub's statements.
  const db = source.db.withoutPlugins() as unknown as Kysely<unknown>
  const first = firstConnection(db, dialect)

  const connected = <T>(doing: string, work: () => Promise<T>): Promise<T> =>
    asStorageErrors(doing, () =>
      withRefusals(dialect, first.target, async () => {
        await first.ready()
        return work()
      }),
    )

  async function planOn(connection: QueryExecutorProvider, dropUndeclared: boolean): Promise<SchemaPlan> {
    const existing = await introspect(connection, dialect, names)
    const timescale = options.timescale ? await introspectTimescale(connection, options.timescale) : null
    if (dialect === 'postgres' && !options.timescale) {
      const hypertables = await hypertablesAmong(connection, names)
      if (hypertables.length > 0) throw hypertableWithoutOption(hypertables)
    }
    const target: SqlTarget = { dialect, collation: existing.collation }
    return { steps: planSteps({ target, tables, existing, timescale, dropUndeclared }) }
  }

  const plan: Schema['plan'] = async (how = {}) => {
    const { allowDestructive = false } = acceptMigrate('schema.plan', how)
    return connected('comparing its tables', () => planOn(db, allowDestructive))
  }

  const migrate: Schema['migrate'] = async (how = {}) => {
    const { allowDestructive = false } = acceptMigrate('schema.migrate', how)
    return connected('migrating', () =>
      withMigrationLock({ db, dialect }, async (connection) => {
        const found = await planOn(connection, allowDestructive)
        const destructive = found.steps.filter((step) => step.destructive)
        if (destructive.length > 0 && !allowDestructive) throw refusal(destructive)
        await applySteps(connection, found.steps)
        await seedTables(connection, dialect, tables)
        await recordColumns(
          connection,
          dialect,
          tables,
          await introspect(connection, dialect, names),
          Date.now(),
        )
        return found
      }),
    )
  }

  return {
    plan,
    migrate,

    async writeMigration(migrateOptions) {
      const { steps } = await plan(migrateOptions)
      return steps.length > 0 ? migrationFile(steps) : null
    },
  }
}

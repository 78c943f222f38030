import { DeviceHubError } from '@devicehub/core'
import type { SchemaStep } from '@devicehub/core/storage'
import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import { classify } from '../storage-error.js'
import { seedSql } from './ddl.js'
import type { ExistingSchema } from './introspect.js'
import type { SqlDialect } from './logical-type.js'
import { SCHEMA_TABLE, type TableModel } from './tables.js'

/** Runs the steps in order. `storage_failed` names the step that the database refused. */
export async function applySteps(db: QueryExecutorProvider, steps: readonly SchemaStep[]): Promise<void> {
  for (const step of steps) {
    for (const statement of step.sql) {
      try {
        await sql.raw(statement).execute(db)
      } catch (error) {
        // Not the step's fault: the caller's to name.
        if (['lost', 'conflict', 'closed', 'forbidden'].includes(classify(error))) throw error
        const reason = error instanceof Error ? error.message : String(error)
        throw new DeviceHubError(
          'storage_failed',
          `The database refused the step "${step.description}": ${reason}`,
          {
            details: { step, statement },
            cause: error,
          },
        )
      }
    }
  }
}

/** Inserts the rows that must exist, even when an earlier migration was interrupted after creating their table. */
export async function seedTables(
  db: QueryExecutorProvider,
  dialect: SqlDialect,
  tables: readonly TableModel[],
): Promise<void> {
  for (const { name, seed } of tables) {
    if (seed !== undefined) await sql.raw(seedSql(dialect, name, seed)).execute(db)
  }
}

/** Updates `devicehub_schema` to the current tables: declared columns, and undeclared ones that still exist. */
export async function recordColumns(
  db: QueryExecutorProvider,
  dialect: SqlDialect,
  tables: readonly TableModel[],
  now: ExistingSchema,
  at: number,
): Promise<void> {
  const time = dialect === 'postgres' ? sql`to_timestamp(${at / 1000}::double precision)` : sql`${at}`
  const target = sql.table(SCHEMA_TABLE)
  for (const table of tables) {
    const recorded = now.recorded.get(table.name) ?? new Map<string, string>()
    const present = new Set(now.tables.get(table.name)?.columns.map((column) => column.name))
    const declared = table.withdrawn === undefined ? table.columns : []
    const changed = declared.filter((column) => recorded.get(column.name) !== column.type.kind)
    const gone = [...recorded.keys()].filter((name) => !present.has(name))
    const renamed = now.renamed.get(table.name)
    const outdated = [...gone, ...changed.map((column) => column.name)].filter(
      (name) => recorded.has(name) || renamed?.has(name),
    )
    if (outdated.length > 0) {
      await sql`delete from ${target} where table_name = ${table.name} and column_name in (${sql.join(outdated)})`.execute(
        db,
      )
    }
    if (changed.length > 0) {
      const rows = changed.map((column) => sql`(${table.name}, ${column.name}, ${column.type.kind}, ${time})`)
      await sql`insert into ${target} (table_name, column_name, kind, applied_at) values ${sql.join(rows)}`.execute(
        db,
      )
    }
    await recordRenames(db, table, now, time)
  }
}

/** Former names of the columns there are, so that an older release that starts again does not add them anew. */
async function recordRenames(
  db: QueryExecutorProvider,
  table: TableModel,
  now: ExistingSchema,
  time: RawBuilder<unknown>,
): Promise<void> {
  const target = sql.table(SCHEMA_TABLE)
  const present = new Set(now.tables.get(table.name)?.columns.map((column) => column.name))
  const known = now.renamed.get(table.name) ?? new Map<string, string>()
  const wanted = new Map(
    (table.withdrawn === undefined ? table.columns : []).flatMap(({ name, formerNames = [] }) =>
      formerNames.filter((former) => !present.has(former)).map((former) => [former, name] as const),
    ),
  )
  const outdated = [...known]
    .filter(([former, to]) => present.has(former) || !present.has(to) || (wanted.get(former) ?? to) !== to)
    .map(([former]) => former)
  const added = [...wanted].filter(([former, to]) => known.get(former) !== to)
  const replaced = [...outdated, ...added.map(([former]) => former)]
  if (replaced.length > 0)
    await sql`delete from ${target} where table_name = ${table.name} and column_name in (${sql.join(replaced)})`.execute(
      db,
    )
  if (added.length === 0) return
  const rows = added.map(([former, to]) => sql`(${table.name}, ${former}, '', ${time}, ${to})`)
  await sql`insert into ${target} (table_name, column_name, kind, applied_at, renamed_to) values ${sql.join(rows)}`.execute(
    db,
  )
}

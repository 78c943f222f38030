import {
  CompiledQuery,
  type Kysely,
  type QueryExecutorProvider,
  type QueryResult,
  type RawBuilder,
  sql,
} from 'kysely'
import type { DriverRow } from '../rows/row-reader.js'
import { quoteName } from '../schema/ddl.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { LOG_GATE_TABLE } from '../schema/tables.js'
import type { Connection, QueryRows, Session, TransactionOptions, Writes } from './connection.js'
import { postgresWrite } from './postgres-write.js'
import { valuesWrite } from './values-write.js'

type Database = Kysely<unknown>

/** Through the Kysely instance of the user, whatever its driver. */
export function kyselyConnection(db: Database, dialect: SqlDialect): Connection {
  return {
    dialect,
    run: (query) => run(db, query),

    async writeAtOnce(writes) {
      const statement = dialect === 'postgres' ? postgresWrite(writes) : null
      if (statement) await db.executeQuery(statement)
      else if (dialect !== 'postgres')
        await inTransaction(db, dialect, messageTables(writes), (on) => write(on, dialect, writes))
    },

    transaction: ({ messageTables: tables }, work) =>
      inTransaction(db, dialect, tables, (on) => work(sessionOn(on, dialect))),
  }
}

const sessionOn = (db: Database, dialect: SqlDialect): Session => ({
  dialect,
  run: (query) => run(db, query),
  write: (writes) => write(db, dialect, writes),
})

async function run(db: QueryExecutorProvider, query: RawBuilder<unknown>): Promise<QueryRows> {
  const { rows, numAffectedRows } = (await query.execute(db)) as QueryResult<DriverRow>
  return { rows, affected: Number(numAffectedRows ?? 0) }
}

async function write(db: Database, dialect: SqlDialect, writes: Writes): Promise<void> {
  const statements = dialect === 'postgres' ? [postgresWrite(writes)] : valuesWrite(dialect, writes)
  for (const statement of statements) if (statement) await db.executeQuery(statement)
}

const messageTables = ({ inserts }: Writes) =>
  inserts.map(({ table }) => table).filter((table) => table.endsWith('_message'))

/** Kysely's own transactions cannot say how SQLite's begin; for the others this spares a round trip. */
async function inTransaction<T>(
  db: Database,
  dialect: SqlDialect,
  tables: readonly string[],
  work: (on: Database) => Promise<T>,
): Promise<T> {
  return db.connection().execute(async (on) => {
    await execute(on, BEGIN[dialect])
    try {
      await announce(on, dialect, tables)
      const result = await work(on)
      await execute(on, 'commit')
      return result
    } catch (error) {
      // When the connection is gone, so is the transaction.
      await execute(on, 'rollback').catch(() => undefined)
      throw error
    }
  })
}

const BEGIN: Readonly<Record<SqlDialect, string>> = {
  // What was looked up has to be fresh after each wait for a lock.
  postgres: 'start transaction isolation level read committed',
  mysql: 'start transaction',
  // The write lock first: a transaction that has read cannot always be upgraded to it.
  sqlite: 'begin immediate',
}

/** So that a reader of the log knows that rows of this transaction may still come: see log/positions.ts. */
async function announce(db: Database, dialect: SqlDialect, tables: readonly string[]): Promise<void> {
  if (tables.length === 0) return
  if (dialect === 'mysql')
    await sql`select id from ${sql.table(LOG_GATE_TABLE)} where id = 1 lock in share mode`.execute(db)
  if (dialect === 'postgres') {
    const names = tables.map((table) => quoteName(dialect, table)).join(', ')
    await execute(db, `lock table ${names} in row exclusive mode`)
  }
}

const execute = (db: Database, statement: string) => db.executeQuery(CompiledQuery.raw(statement))

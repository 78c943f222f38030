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
        await inTransaction(
          db,
          dialect,
          { messageTables: messageTables(writes), messagesFirst: true },
          (on) => write(on, dialect, writes),
        )
    },

    transaction: (options, work) => inTransaction(db, dialect, options, (on) => work(sessionOn(on, dialect))),
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
  options: TransactionOptions,
  work: (on: Database) => Promise<T>,
): Promise<T> {
  return db.connection().execute(async (on) => {
    await execute(on, BEGIN[dialect])
    try {
      await announce(on, dialect, options)
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

/** So that a reader of the log knows that rows of this transaction may still come: see position-log and transaction-log. */
async function announce(
  db: Database,
  dialect: SqlDialect,
  { messageTables: tables, messagesFirst }: TransactionOptions,
): Promise<void> {
  if (tables.length === 0) return
  if (dialect === 'mysql') {
    const gate = sql.table(LOG_GATE_TABLE)
    const { rows } = await sql<{ mode: string }>`
      select @@session.sql_mode as mode from ${gate} where id = 1 lock in share mode`.execute(db)
    // Without it, what does not fit a column is cut off and stored.
    if (!/STRICT|TRADITIONAL/i.test(rows[0]?.mode ?? ''))
      await execute(db, "set session sql_mode = concat(@@session.sql_mode, ',STRICT_TRANS_TABLES')")
  }
  if (dialect === 'postgres' && !messagesFirst) {
    const names = tables.map((table) => quoteName(dialect, table)).join(', ')
    await execute(db, `lock table ${names} in row exclusive mode`)
  }
}

const execute = (db: Database, statement: string) => db.executeQuery(CompiledQuery.raw(statement))

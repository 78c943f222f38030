import type { LeaseFence } from '@devicehub/core/storage'
import {
  CompiledQuery,
  type Kysely,
  type QueryExecutorProvider,
  type QueryResult,
  type RawBuilder,
  sql,
} from 'kysely'
import type { CommandStep } from '../command/recent-commands.js'
import { distinctFences, fenceRows, requireFences } from '../lease/fences.js'
import { type DriverRow, readRow } from '../rows/row-reader.js'
import { quoteName } from '../schema/ddl.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { LOG_GATE_TABLE } from '../schema/tables.js'
import {
  type Connection,
  NO_IDS,
  type QueryRows,
  type Transaction,
  type TransactionOptions,
  type Writes,
  type WrittenIds,
} from './connection.js'
import { limitIdle } from './limit-idle.js'
import { postgresSettle, wereTaken } from './postgres-settle.js'
import { fencedPostgresWrite, idleLimitSql, postgresWrite, writtenIds } from './postgres-write.js'
import { writeValues } from './write-values.js'

type Database = Kysely<unknown>

/** A connection through the Kysely instance, with whatever driver it has. */
export function kyselyConnection(db: Database, dialect: SqlDialect): Connection {
  return {
    dialect,
    run: (query) => run(db, query),
    readMany: async (query) => (await run(db, query)).rows.map(readRow),

    async writeAtOnce(writes, fences = []) {
      if (dialect === 'postgres') return writeAlone(db, writes, distinctFences(fences))
      return inTransaction(
        db,
        dialect,
        { messageTables: messageTables(writes), messagesFirst: true, fences },
        (transaction) => transaction.write(writes),
      )
    },

    ...(dialect === 'postgres' && {
      settleAtOnce: (writes, steps, fences = []) => settleAlone(db, writes, steps, distinctFences(fences)),
    }),

    transaction: (options, work) => inTransaction(db, dialect, options, work),
  }
}

async function writeAlone(db: Database, writes: Writes, fences: readonly LeaseFence[]): Promise<WrittenIds> {
  const statement =
    fences.length === 0
      ? postgresWrite(writes)
      : fencedPostgresWrite(writes, fences, { inTransaction: false })
  if (!statement) return NO_IDS
  const { rows } = await db.executeQuery<DriverRow>(statement)
  if (fences.length > 0) requireFences(fences, rows)
  return writtenIds(writes, rows)
}

async function settleAlone(
  db: Database,
  writes: Writes,
  steps: readonly CommandStep[],
  fences: readonly LeaseFence[],
): Promise<WrittenIds | null> {
  const { rows } = await db.executeQuery<DriverRow>(postgresSettle(writes, steps, fences))
  if (fences.length > 0) requireFences(fences, rows)
  return wereTaken(rows) ? writtenIds(writes, rows) : null
}

async function run(db: QueryExecutorProvider, query: RawBuilder<unknown>): Promise<QueryRows> {
  const { rows, numAffectedRows } = (await query.execute(db)) as QueryResult<DriverRow>
  return { rows, affected: Number(numAffectedRows ?? 0) }
}

const messageTables = ({ inserts }: Writes) =>
  inserts.map(({ table }) => table).filter((table) => table.endsWith('_message'))

/** Kysely's own transactions cannot say how SQLite's begin; for the others this spares a round trip. */
async function inTransaction<T>(
  db: Database,
  dialect: SqlDialect,
  options: TransactionOptions,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const fences = distinctFences(options.fences ?? [])
  return db.connection().execute(async (on) => {
    const unlimit = await limitIdle(on, dialect, fences, options.idleLimit)
    try {
      await execute(on, BEGIN[dialect])
      try {
        const guard = fenceGuard(on, dialect, fences)
        await guard.begin(options)
        await lockMessageTables(on, dialect, options)
        const result = await work({
          dialect,
          run: (query) => run(on, query),
          write: guard.write,
        })
        await guard.end()
        await execute(on, 'commit')
        return result
      } catch (error) {
        // When the connection is gone, so is the transaction.
        await execute(on, 'rollback').catch(() => undefined)
        throw error
      }
    } finally {
      await unlimit()
    }
  })
}

interface FenceGuard {
  begin(options: TransactionOptions): Promise<void>
  write(writes: Writes): Promise<WrittenIds>
  end(): Promise<void>
}

/**
 * Checks the fences of a transaction. MySQL and SQLite lock their rows first. PostgreSQL locks them with the
 * statement that writes: until the server has received all of it, a stopped client holds no lock.
 */
function fenceGuard(db: Database, dialect: SqlDialect, fences: readonly LeaseFence[]): FenceGuard {
  let locked = fences.length === 0
  const limit = dialect === 'postgres' ? sql.raw(`, ${idleLimitSql('l.ttl')}`) : sql``
  const lock = async () => {
    locked = true
    requireFences(fences, (await run(db, sql`${fenceRows(fences, limit)} ${LOCK[dialect]}`)).rows)
  }
  return {
    async begin({ idleLimit, messagesFirst }) {
      if (dialect !== 'postgres') return locked ? undefined : lock()
      if (fences.length === 0) {
        if (idleLimit !== undefined)
          await run(db, sql`select ${sql.raw(idleLimitSql(String(idleLimit * 2)))}`)
      } else if (!messagesFirst) {
        // Checked before anything is read, so that a fenced batch fails as `fenced` and not with a later error.
        requireFences(fences, (await run(db, fenceRows(fences, limit))).rows)
      }
    },
    async write(writes) {
      if (dialect !== 'postgres') return writeValues(db, dialect, writes)
      const statement = locked
        ? postgresWrite(writes)
        : fencedPostgresWrite(writes, fences, { inTransaction: true })
      if (!statement) {
        if (!locked) await lock()
        return NO_IDS
      }
      const { rows } = await db.executeQuery<DriverRow>(statement)
      if (!locked) {
        locked = true
        requireFences(fences, rows)
      }
      return writtenIds(writes, rows)
    },
    async end() {
      if (!locked) await lock()
    },
  }
}

const LOCK: Readonly<Record<SqlDialect, RawBuilder<unknown>>> = {
  postgres: sql`for key share`,
  mysql: sql`lock in share mode`,
  sqlite: sql``,
}

const BEGIN: Readonly<Record<SqlDialect, string>> = {
  // Each statement must see what was committed while it waited for a lock.
  postgres: 'start transaction isolation level read committed',
  mysql: 'start transaction',
  // Takes the write lock at once: a transaction that has read cannot always upgrade to it.
  sqlite: 'begin immediate',
}

/** Makes readers of the log wait for the rows of this transaction: see position-log.ts and transaction-log.ts. */
async function lockMessageTables(
  db: Database,
  dialect: SqlDialect,
  { messageTables: tables, messagesFirst }: TransactionOptions,
): Promise<void> {
  if (tables.length === 0) return
  if (dialect === 'mysql') {
    const gate = sql.table(LOG_GATE_TABLE)
    const { rows } = await sql<{ mode: string }>`
      select @@session.sql_mode as mode from ${gate} where id = 1 lock in share mode`.execute(db)
    // Without strict mode, MySQL truncates a value that does not fit and stores it.
    if (!/STRICT|TRADITIONAL/i.test(rows[0]?.mode ?? ''))
      await execute(db, "set session sql_mode = concat(@@session.sql_mode, ',STRICT_TRANS_TABLES')")
  }
  if (dialect === 'postgres' && !messagesFirst) {
    const names = tables.map((table) => quoteName(dialect, table)).join(', ')
    await execute(db, `lock table ${names} in row exclusive mode`)
  }
}

const execute = (db: Database, statement: string) => db.executeQuery(CompiledQuery.raw(statement))

import { setTimeout as sleep } from 'node:timers/promises'
import { DeviceHubError } from '@devicehub/core'
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely'
import type { SqlDialect } from './logical-type.js'

/** Any number, the same in every process. */
const POSTGRES_LOCK = 7_233_110_485_216

/** Five minutes: another process may be building an index. */
const LOCK_WAIT_MS = 300_000

/**
 * Runs `work` on one connection while no other process migrates this database. On SQLite and PostgreSQL it is one
 * transaction: all of it happens or nothing. MySQL commits at each DDL statement; a plan that broke off is gone on
 * with by the next one.
 */
export function withMigrationLock<T>(
  db: Kysely<unknown>,
  dialect: SqlDialect,
  work: (connection: QueryExecutorProvider) => Promise<T>,
): Promise<T> {
  switch (dialect) {
    case 'postgres':
      return db.transaction().execute(async (transaction) => {
        await sql`select pg_advisory_xact_lock(${sql.lit(POSTGRES_LOCK)})`.execute(transaction)
        return work(transaction)
      })
    case 'mysql':
      return db.connection().execute((connection) => withMysqlLock(connection, work))
    case 'sqlite':
      return db.connection().execute((connection) => inImmediateTransaction(connection, work))
  }
}

async function withMysqlLock<T>(
  connection: Kysely<unknown>,
  work: (connection: QueryExecutorProvider) => Promise<T>,
): Promise<T> {
  // Named locks are the server's, not the database's.
  const name = sql`concat('devicehub.', md5(database()))`
  const { rows } = await sql<{ taken: number | string | null }>`
    select get_lock(${name}, ${sql.lit(LOCK_WAIT_MS / 1000)}) as taken`.execute(connection)
  if (Number(rows[0]?.taken) !== 1) throw lockTimeout()
  try {
    return await work(connection)
  } finally {
    await sql`select release_lock(${name})`.execute(connection)
  }
}

/** The write lock is taken before anything is read: a deferred transaction could not be upgraded to it. */
async function inImmediateTransaction<T>(
  connection: Kysely<unknown>,
  work: (connection: QueryExecutorProvider) => Promise<T>,
): Promise<T> {
  // SQLite's own wait would hold up the event loop.
  const { rows } = await sql<{ timeout: number }>`pragma busy_timeout`.execute(connection)
  await sql`pragma busy_timeout = 0`.execute(connection)
  try {
    await beginImmediate(connection)
  } finally {
    await sql`pragma busy_timeout = ${sql.lit(rows[0]?.timeout ?? 0)}`.execute(connection)
  }
  try {
    const result = await work(connection)
    await sql`commit`.execute(connection)
    return result
  } catch (error) {
    await sql`rollback`.execute(connection).catch(() => undefined)
    throw error
  }
}

async function beginImmediate(connection: Kysely<unknown>): Promise<void> {
  const giveUpAt = Date.now() + LOCK_WAIT_MS
  for (;;) {
    try {
      await sql`begin immediate`.execute(connection)
      return
    } catch (error) {
      if (!isBusy(error)) throw error
      if (Date.now() > giveUpAt) throw lockTimeout(error)
      await sleep(20 + Math.random() * 80)
    }
  }
}

/** better-sqlite3 says SQLITE_BUSY, node:sqlite only the message. */
function isBusy(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (
    String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY') ||
    /database( table)? is locked/.test(error.message)
  )
}

const lockTimeout = (cause?: unknown) =>
  new DeviceHubError(
    'storage_unavailable',
    `Another process has been migrating or writing the database for ${LOCK_WAIT_MS / 1000} seconds: try again later`,
    { cause },
  )

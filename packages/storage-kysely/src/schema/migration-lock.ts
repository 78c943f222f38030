import { setTimeout as sleep } from 'node:timers/promises'
import { DeviceHubError } from '@devicehub/core'
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely'
import { numberSql } from '../connection/number-sql.js'
import type { SqlDialect } from './logical-type.js'

/** The key of the advisory lock; the same in every process. */
const POSTGRES_LOCK = 7_233_110_485_216
/** SQLSTATE of a wait that reached `lock_timeout`. */
const LOCK_NOT_AVAILABLE = '55P03'
/** Named locks are server-wide, so the name contains the database. */
const MYSQL_LOCK = sql`concat('devicehub.', md5(database()))`

/** Another process may be building an index. */
const FIVE_MINUTES = 300_000

export interface MigrationLock {
  readonly db: Kysely<unknown>
  readonly dialect: SqlDialect
  /** Milliseconds to wait for another process, then `storage_unavailable`; default five minutes. */
  readonly waitMs?: number
}

/**
 * Runs `work` on one connection while no other process migrates this database. On SQLite and PostgreSQL it is one
 * transaction. MySQL commits at each DDL statement: after an interrupted migration, the next one continues.
 */
export function withMigrationLock<T>(
  { db, dialect, waitMs = FIVE_MINUTES }: MigrationLock,
  work: (connection: QueryExecutorProvider) => Promise<T>,
): Promise<T> {
  switch (dialect) {
    case 'postgres':
      // Whatever the server's default: after waiting for the lock, the current tables must be visible.
      return db
        .transaction()
        .setIsolationLevel('read committed')
        .execute(async (transaction) => {
          await lockPostgres(transaction, waitMs)
          return work(transaction)
        })
    case 'mysql':
      return db.connection().execute(async (connection) => {
        await lockMysql(connection, waitMs)
        try {
          return await work(connection)
        } finally {
          await sql`select release_lock(${MYSQL_LOCK})`.execute(connection)
        }
      })
    case 'sqlite':
      return db.connection().execute(async (connection) => {
        await beginImmediate(connection, waitMs)
        try {
          const result = await work(connection)
          await sql`commit`.execute(connection)
          return result
        } catch (error) {
          await sql`rollback`.execute(connection).catch(() => undefined)
          throw error
        }
      })
  }
}

async function lockPostgres(transaction: QueryExecutorProvider, waitMs: number): Promise<void> {
  await sql`set local lock_timeout = ${numberSql(waitMs)}`.execute(transaction)
  try {
    await sql`select pg_advisory_xact_lock(${numberSql(POSTGRES_LOCK)})`.execute(transaction)
  } catch (error) {
    throw (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE ? lockTimeout(waitMs, error) : error
  }
  await sql`set local lock_timeout to default`.execute(transaction)
}

async function lockMysql(connection: QueryExecutorProvider, waitMs: number): Promise<void> {
  const { rows } = await sql<{ taken: number | string | null }>`
    select get_lock(${MYSQL_LOCK}, ${numberSql(Math.ceil(waitMs / 1000))}) as taken`.execute(connection)
  if (Number(rows[0]?.taken) !== 1) throw lockTimeout(waitMs)
}

/** Takes the write lock before reading: a deferred transaction cannot always upgrade to it. */
async function beginImmediate(connection: QueryExecutorProvider, waitMs: number): Promise<void> {
  // SQLite's own busy timeout would block the event loop.
  const { rows } = await sql<{ timeout: number }>`pragma busy_timeout`.execute(connection)
  await sql`pragma busy_timeout = 0`.execute(connection)
  const giveUpAt = performance.now() + waitMs
  try {
    for (;;) {
      try {
        await sql`begin immediate`.execute(connection)
        return
      } catch (error) {
        if (!isBusy(error)) throw error
        if (performance.now() > giveUpAt) throw lockTimeout(waitMs, error)
        await sleep(20 + Math.random() * 80)
      }
    }
  } finally {
    await sql`pragma busy_timeout = ${numberSql(rows[0]?.timeout ?? 0)}`.execute(connection)
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

const lockTimeout = (waitMs: number, cause?: unknown) =>
  new DeviceHubError(
    'storage_unavailable',
    `Another process has been migrating or writing the database for ${waitMs / 1000} seconds: try again later`,
    { cause },
  )

import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { createSqliteEngine, type SqliteEngine } from './sqlite-engine.js'
import { IN_MEMORY } from './sqlite-file.js'
import { acceptSqlite, type SqliteDialectOptions } from './sqlite-options.js'

/**
 * A SQLite dialect for Kysely with durable commits: WAL, `synchronous = FULL`, prepared statements, in a worker
 * thread. Booleans are written as 0 and 1, dates as epoch milliseconds. Integers beyond 2^53 are read as bigint. It
 * has one connection: within `db.transaction()` use only the transaction. `missing_dependency` when there is no
 * driver.
 *
 * @example
 * import { type InferDatabase, sqliteDialect } from '@devicehub/storage-kysely'
 * import { Kysely } from 'kysely'
 * import type { WeatherStation } from './hub.js'
 *
 * const db = new Kysely<InferDatabase<[typeof WeatherStation]>>({ dialect: sqliteDialect({ file: 'devices.db' }) })
 */
export function sqliteDialect(given: SqliteDialectOptions): Dialect {
  const options = acceptSqlite(given)
  const { file, driver = 'auto', thread = file !== IN_MEMORY } = options
  const busyTimeout = options.busyTimeout ?? (thread ? 5000 : 0)
  const engine = createSqliteEngine({ file, driver, thread, busyTimeout })
  return {
    createAdapter: () => Object.assign(new SqliteAdapter(), { [ENGINE]: engine }),
    createDriver: () => sqliteDriver(engine),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }
}

// Registered: the ESM and the CommonJS copy of this package may both be loaded.
const ENGINE = Symbol.for('@devicehub/storage-kysely/sqlite-engine')

/** The engine of a Kysely instance on `sqliteDialect`; undefined for another dialect. */
export const engineOf = (db: Kysely<unknown>): SqliteEngine | undefined =>
  (db.getExecutor().adapter as { [ENGINE]?: SqliteEngine })[ENGINE]

interface EngineConnection extends DatabaseConnection {
  readonly release: () => void
}

function sqliteDriver(engine: SqliteEngine): Driver {
  const execute = (sql: string) => engine.call('query', { sql, parameters: [] })
  return {
    init: () => engine.open(),
    acquireConnection: async () => connectionOf(engine, await engine.acquire()),
    releaseConnection: async (connection) => (connection as EngineConnection).release(),
    beginTransaction: async () => void (await execute('begin immediate')),
    commitTransaction: async () => void (await execute('commit')),
    rollbackTransaction: async () => void (await execute('rollback')),
    savepoint: async (_connection, name) => void (await execute(`savepoint "${name}"`)),
    rollbackToSavepoint: async (_connection, name) => void (await execute(`rollback to "${name}"`)),
    releaseSavepoint: async (_connection, name) => void (await execute(`release "${name}"`)),
    destroy: () => engine.close(),
  }
}

interface EngineResult {
  readonly rows: readonly unknown[]
  readonly changes?: number
  readonly lastInsertRowid?: number
}

function connectionOf(engine: SqliteEngine, release: () => void): EngineConnection {
  return {
    release,
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const { rows, changes, lastInsertRowid } = await engine.call<EngineResult>('query', { sql, parameters })
      return {
        rows: rows.map(withBuffers) as R[],
        ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }),
        ...(lastInsertRowid === undefined ? {} : { insertId: BigInt(lastInsertRowid) }),
      }
    },
    async *streamQuery<R>({ sql, parameters }: CompiledQuery, chunkSize?: number) {
      const id = await engine.call<number>('openCursor', { sql, parameters })
      try {
        const size = chunkSize ?? 100
        for (;;) {
          const rows = await engine.call<R[]>('readCursor', { id, size })
          if (rows.length > 0) yield { rows: rows.map(withBuffers) as R[] }
          if (rows.length < size) return
        }
      } finally {
        await engine.call('closeCursor', { id })
      }
    },
  }
}

/** Bytes come from the worker as Uint8Array; every driver in this thread gives a Buffer. */
function withBuffers<R>(row: R): R {
  const cells = row as Record<string, unknown>
  for (const name in cells) {
    const value = cells[name]
    if (value instanceof Uint8Array && !Buffer.isBuffer(value))
      cells[name] = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  return row
}

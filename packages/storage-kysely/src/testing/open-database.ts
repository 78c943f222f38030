import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseService } from '@devicehub/test-kit'
import { Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { sqliteDialect } from '../sqlite/sqlite-dialect.js'
import type { SqliteDialectOptions } from '../sqlite/sqlite-options.js'
import { openBetterSqlite } from './better-sqlite.js'

/** An empty database, and Kysely instances on it as several processes would have. */
export interface EmptyDatabase {
  connect(): Kysely<unknown>
  cleanup(): Promise<void>
}

export async function sqliteFile(options: Omit<SqliteDialectOptions, 'file'>): Promise<EmptyDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'devicehub-storage-'))
  return {
    connect: () => new Kysely({ dialect: sqliteDialect({ ...options, file: join(folder, 'test.db') }) }),
    cleanup: () => rm(folder, { recursive: true }),
  }
}

/** Through Kysely's own dialect: another driver than ours. */
export async function plainSqliteFile(): Promise<EmptyDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'devicehub-storage-'))
  return {
    connect: () => {
      const database = openBetterSqlite(join(folder, 'test.db'), { timeout: 0 })
      database.pragma('journal_mode = wal')
      return new Kysely({ dialect: new SqliteDialect({ database }) })
    },
    cleanup: () => rm(folder, { recursive: true }),
  }
}

export async function postgresDatabase(
  service: Pick<DatabaseService, 'createDatabase'>,
): Promise<EmptyDatabase> {
  const { url, drop } = await service.createDatabase()
  return {
    connect: () =>
      new Kysely({
        dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 8 }) }),
      }),
    cleanup: drop,
  }
}

export async function mariadbDatabase(
  service: Pick<DatabaseService, 'createDatabase'>,
): Promise<EmptyDatabase> {
  const { url, drop } = await service.createDatabase()
  return {
    connect: () => new Kysely({ dialect: new MysqlDialect({ pool: mysql.createPool(url) }) }),
    cleanup: drop,
  }
}

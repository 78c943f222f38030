import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DatabaseService, describeWith } from '@devicehub/test-kit'
import { type Dialect, Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { sqliteDialect } from '../../sqlite/sqlite-dialect.js'
import type { SqlDialect } from '../logical-type.js'

/** An empty database of its own. */
export interface TestDatabase extends AsyncDisposable {
  readonly dialect: SqlDialect
  /** A pool of its own, as another process would have. */
  connect<DB>(): Kysely<DB>
}

export type OpenDatabase = () => Promise<TestDatabase>

export async function sqliteDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'devicehub-schema-'))
  return testDatabase('sqlite', {
    connect: () => sqliteDialect({ file: join(folder, 'test.db') }),
    drop: () => rm(folder, { recursive: true }),
  })
}

export async function postgresDatabase(
  service: Pick<DatabaseService, 'createDatabase'>,
): Promise<TestDatabase> {
  const { url, drop } = await service.createDatabase()
  return testDatabase('postgres', {
    connect: () => new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 4 }) }),
    drop,
  })
}

async function mariadbDatabase(service: DatabaseService): Promise<TestDatabase> {
  const { url, drop } = await service.createDatabase()
  return testDatabase('mysql', {
    connect: () => new MysqlDialect({ pool: mysql.createPool(url) }),
    drop,
  })
}

/** The same tests on every kind of database. */
export function describeDatabases(title: string, tests: (open: OpenDatabase) => void): void {
  describeWith(['sqlite'], `${title} on SQLite`, () => tests(sqliteDatabase))
  // Nothing here outlives its test: durability would only cost time.
  describeWith({ postgres: { settings: { fsync: 'off' } } }, `${title} on PostgreSQL`, ({ postgres }) =>
    tests(() => postgresDatabase(postgres())),
  )
  describeWith(
    { mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } } },
    `${title} on MariaDB`,
    ({ mariadb }) => tests(() => mariadbDatabase(mariadb())),
  )
}

function testDatabase(
  dialect: SqlDialect,
  { connect, drop }: { connect(): Dialect; drop(): Promise<void> },
): TestDatabase {
  const open: { destroy(): Promise<void> }[] = []
  return {
    dialect,
    connect<DB>() {
      const db = new Kysely<DB>({ dialect: connect() })
      open.push(db)
      return db
    },
    async [Symbol.asyncDispose]() {
      for (const db of open) await db.destroy()
      await drop()
    },
  }
}

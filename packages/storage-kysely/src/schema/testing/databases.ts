import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SQLite from 'better-sqlite3'
import { Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import type { SqlDialect } from '../logical-type.js'

/** An empty database of its own. */
export interface TestDatabase extends AsyncDisposable {
  readonly dialect: SqlDialect
  /** A pool of its own, as another process would have. */
  connect<DB>(): Kysely<DB>
}

export async function sqliteDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'devicehub-schema-'))
  return opened('sqlite', {
    connect: () => new SqliteDialect({ database: new SQLite(join(folder, 'test.db')) }),
    drop: () => rm(folder, { recursive: true }),
  })
}

interface Server {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

export async function postgresDatabase(server: Server): Promise<TestDatabase> {
  const name = `schema_${randomUUID().replaceAll('-', '')}`
  const admin = async (statement: string) => {
    const client = new pg.Client({ ...connection(server), database: server.database })
    await client.connect()
    await client.query(statement)
    await client.end()
  }
  await admin(`create database ${name}`)
  return opened('postgres', {
    connect: () =>
      new PostgresDialect({ pool: new pg.Pool({ ...connection(server), database: name, max: 4 }) }),
    drop: () => admin(`drop database ${name} with (force)`),
  })
}

export async function mysqlDatabase(server: Server): Promise<TestDatabase> {
  const name = `schema_${randomUUID().replaceAll('-', '')}`
  const admin = async (statement: string) => {
    const client = mysql.createConnection({ ...connection(server), database: server.database }).promise()
    await client.query(statement)
    await client.end()
  }
  await admin(`create database ${name}`)
  return opened('mysql', {
    connect: () => new MysqlDialect({ pool: mysql.createPool({ ...connection(server), database: name }) }),
    drop: () => admin(`drop database ${name}`),
  })
}

const connection = ({ host, port, user, password }: Server) => ({ host, port, user, password })

function opened(
  dialect: SqlDialect,
  { connect, drop }: { connect(): ConstructorParameters<typeof Kysely>[0]['dialect']; drop(): Promise<void> },
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

/** Every kind of database, each with what opens an empty one. */
export const DATABASES: readonly (readonly [string, () => Promise<TestDatabase>])[] = [
  ['SQLite', sqliteDatabase],
  [
    'PostgreSQL',
    () =>
      postgresDatabase({
        host: '127.0.0.1',
        port: 54991,
        user: 'postgres',
        password: '',
        database: 'postgres',
      }),
  ],
  [
    'MariaDB',
    () => mysqlDatabase({ host: '127.0.0.1', port: 33991, user: 'root', password: '', database: 'mysql' }),
  ],
]

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeviceHub, isRetryable, type LogFields, silentLogger } from '@devicehub/core'
import { describeWith } from '@devicehub/test-kit'
import { type Dialect, Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { createSchema } from '../schema/create-schema.js'
import { sqliteDialect } from '../sqlite/sqlite-dialect.js'
import { Station } from '../testing/rows.js'
import { SQLITE_DRIVERS } from '../testing/sqlite-drivers.js'

const WAIT = { timeout: 60_000, interval: 20 }
const SECRET = 'not-the-password'

const pgDialect = (url: string): Dialect =>
  new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) })
const mysqlDialect = (url: string): Dialect => new MysqlDialect({ pool: mysql.createPool(url) })

function changed(url: string, change: { user?: string; password?: string; database?: string }): string {
  const next = new URL(url)
  if (change.user !== undefined) next.username = change.user
  if (change.password !== undefined) next.password = change.password
  if (change.database !== undefined) next.pathname = `/${change.database}`
  return next.href
}

/** What migrate, plan and a look-up say of it: the same, at once, without the password. */
async function refusal(dialect: Dialect, what: SqlKind): Promise<{ message: string; details: object }> {
  const db = new Kysely<unknown>({ dialect })
  const storage = kyselyStorage({ db }).open({ types: [Station] })
  const schema = createSchema({ db, dialect: what, types: [Station] })
  const errors = []
  for (const call of [
    () => storage.migrate(),
    () => storage.devices.find(Station, ['x']),
    () => storage.plan(),
    () => schema.migrate(),
  ])
    errors.push(await call().catch((error) => error))
  for (const error of errors) {
    expect(error).toMatchObject({ code: 'storage_refused', message: errors[0].message })
    expect(isRetryable(error)).toBe(false)
    expect(`${error.message}${JSON.stringify(error.details)}`).not.toContain(SECRET)
    expect(error.message).toMatch(/Trying again does not help$/)
  }
  await db.destroy().catch(() => {})
  return errors[0]
}

type SqlKind = 'postgres' | 'mysql' | 'sqlite'

describeWith({ postgres: { settings: { fsync: 'off' } } }, 'PostgreSQL', ({ postgres }) => {
  /** A user of its own, who may log in with a password. */
  async function stage() {
    const { url, drop } = await postgres().createDatabase()
    const admin = new Kysely<unknown>({ dialect: pgDialect(url) })
    const user = `u${Date.now()}${Math.floor(Math.random() * 1e6)}`
    await sql`create role ${sql.id(user)} login password 'right'`.execute(admin)
    return {
      url,
      admin,
      user,
      as: changed(url, { user, password: 'right' }),
      async [Symbol.asyncDispose]() {
        await sql`drop owned by ${sql.id(user)}`.execute(admin)
        await sql`drop role ${sql.id(user)}`.execute(admin)
        await admin.destroy()
        await drop()
      },
    }
  }

  test('a database that does not exist, an unknown user: with host, database, user and remedy', async () => {
    await using world = await stage()
    const { hostname, port, pathname } = new URL(world.url)
    const missing = await refusal(
      pgDialect(changed(world.url, { database: 'nowhere', password: SECRET })),
      'postgres',
    )
    expect(missing.message).toMatch(/database nowhere on .*Create the database/)
    expect(missing.details).toMatchObject({
      host: hostname,
      port: Number(port),
      database: 'nowhere',
      databaseCode: '3D000',
    })
    const stranger = await refusal(
      pgDialect(changed(world.url, { user: 'nobody', password: SECRET })),
      'postgres',
    )
    expect(stranger.message).toMatch(/as user nobody.*Give the right user and password/)
    expect(stranger.details).toMatchObject({ database: pathname.slice(1), user: 'nobody' })
  })

  test('a missing right: migrate() says which at once', async () => {
    await using world = await stage()
    await sql`revoke create on schema public from public`.execute(world.admin)
    const { message, details } = await refusalOfMigrate(world.as)
    expect(message).toMatch(/permission denied for schema public.*Grant the right/)
    expect(details).toMatchObject({ databaseCode: '42501', user: world.user })
  })

  async function refusalOfMigrate(url: string) {
    const db = new Kysely<unknown>({ dialect: pgDialect(url) })
    const error = await kyselyStorage({ db })
      .open({ types: [Station] })
      .migrate()
      .catch((each) => each)
    await db.destroy()
    expect(error).toMatchObject({ code: 'storage_refused' })
    return error
  }

  test('a right that is revoked while a hub runs: nothing is acknowledged or lost, log and stats say what to do', async () => {
    await using world = await stage()
    const { admin, user } = world
    await sql`grant all on schema public to ${sql.id(user)}`.execute(admin)
    const lines: { fields: LogFields; text: string | undefined }[] = []
    const pauses: number[] = []
    const db = new Kysely<unknown>({ dialect: pgDialect(world.as) })
    const hub = createDeviceHub({
      types: [Station],
      storage: kyselyStorage({ db, closeDb: true }),
      logger: {
        ...silentLogger,
        error: (fields, text) => void lines.push({ fields, text }),
        debug: ({ retryInMs }) => void (typeof retryInMs === 'number' && pauses.push(retryInMs)),
      },
    })
    await hub.storage.migrate()
    await hub.devices.create(Station, { deviceId: 's1' })
    const message = (count: number) => ({
      topic: 'things/station/s1/data',
      payload: Buffer.from(JSON.stringify({ count })),
      source: 'test',
      qos: 1 as const,
    })
    await hub.ingest([message(1)])
    expect(hub.stats().ingest.fault).toBeNull()
    await sql`alter table station_message owner to current_user`.execute(admin)
    const settled: unknown[] = []
    for (const count of [2, 3]) hub.ingest.push(message(count), (outcome) => settled.push(outcome.status))
    await expect
      .poll(() => hub.stats().ingest, WAIT)
      .toMatchObject({
        queued: 2,
        failed: 0,
        rejected: 0,
        fault: {
          code: 'storage_refused',
          message: expect.stringMatching(/permission denied.*Grant the right/),
          since: expect.any(Date),
        },
      })
    await expect.poll(() => pauses.length, WAIT).toBeGreaterThan(2)
    expect(settled).toEqual([])
    expect(lines[0]?.text).toMatch(/nothing acknowledged until this is mended: .*Grant the right/)
    expect(lines).toHaveLength(1)
    // Each pause is longer than the one before, but for its jitter.
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b))
    await sql`alter table station_message owner to ${sql.id(user)}`.execute(admin)
    await expect.poll(() => settled, WAIT).toEqual(['stored', 'stored'])
    expect(hub.stats().ingest).toMatchObject({ queued: 0, fault: null, stored: 3 })
    expect((await hub.readings.list(Station, { deviceId: 's1' })).items).toHaveLength(3)
    await hub.close()
  })
})

describeWith({ mariadb: {} }, 'MariaDB', ({ mariadb }) => {
  test('a wrong password, a database that does not exist, a missing right', async () => {
    const { url, drop } = await mariadb().createDatabase()
    const { hostname, port, pathname } = new URL(url)
    const admin = new Kysely<unknown>({ dialect: mysqlDialect(url) })
    await sql`create user if not exists 'weak'@'%' identified by 'right'`.execute(admin)
    const weak = { user: 'weak', password: 'right' }
    const wrong = await refusal(mysqlDialect(changed(url, { ...weak, password: SECRET })), 'mysql')
    expect(wrong.message).toMatch(/as user weak.*Give the right user and password/)
    expect(wrong.details).toMatchObject({
      host: hostname,
      port: Number(port),
      user: 'weak',
      databaseCode: '1045',
    })
    const missing = await refusal(mysqlDialect(changed(url, { database: 'nowhere' })), 'mysql')
    expect(missing.message).toMatch(/database nowhere.*Create the database/)
    expect((await refusal(mysqlDialect(changed(url, weak)), 'mysql')).message).toMatch(
      /denied.*Grant the right/,
    )
    const database = sql.id(pathname.slice(1))
    await sql`grant select on ${database}.* to 'weak'@'%'`.execute(admin)
    const db = new Kysely<unknown>({ dialect: mysqlDialect(changed(url, weak)) })
    await expect(
      kyselyStorage({ db })
        .open({ types: [Station] })
        .migrate(),
    ).rejects.toMatchObject({
      code: 'storage_refused',
      details: { databaseCode: '1142', database: pathname.slice(1), user: 'weak' },
    })
    await db.destroy()
    await sql`drop user 'weak'@'%'`.execute(admin)
    await admin.destroy()
    await drop()
  })
})

describe.each(SQLITE_DRIVERS.flatMap((driver) => [true, false].map((thread) => ({ driver, thread }))))(
  'SQLite with $driver, thread: $thread',
  (options) => {
    test('a folder that does not exist, a file that is no database: named, with what to do', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'devicehub-refused-'))
      const missing = join(folder, 'nowhere', 'devices.db')
      const { message, details } = await refusal(sqliteDialect({ ...options, file: missing }), 'sqlite')
      expect(message).toContain(`Make the folder of ${missing}`)
      expect(details).toMatchObject({ file: missing })
      const other = join(folder, 'other.db')
      await writeFile(other, 'this is a text and no database, whatever it is called'.repeat(100))
      expect((await refusal(sqliteDialect({ ...options, file: other }), 'sqlite')).message).toMatch(
        /Restore .*other\.db/,
      )
      await rm(folder, { recursive: true })
    })

    test.skipIf(process.getuid?.() === 0)('a file that may not be written', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'devicehub-refused-'))
      const file = join(folder, 'devices.db')
      await writeFile(file, '')
      await chmod(file, 0o400)
      expect((await refusal(sqliteDialect({ ...options, file }), 'sqlite')).message).toMatch(
        /let the user .* write/,
      )
      await rm(folder, { recursive: true })
    })
  },
)

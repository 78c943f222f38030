import { isDeviceHubError } from '@devicehub/core'
import { describeWith, freePort } from '@devicehub/test-kit'
import { Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { kyselyStorage } from './kysely-storage.js'
import { describeDatabases } from './testing/describe-databases.js'
import { postgresDatabase, sqliteFile } from './testing/open-database.js'
import { openStorages } from './testing/opened-storage.js'
import { batch, device, entry, Meter, Station, sample, T0 } from './testing/rows.js'

const code = (expected: string) => expect.objectContaining({ name: 'DeviceHubError', code: expected })
const one = batch([entry(Station, 'd', [sample('d', { timestamp: T0 })])])

describeDatabases('errors', (openDatabase) => {
  test('a database without the tables is schema_outdated, and says what to run', async () => {
    const database = await openDatabase()
    await using storages = await openStorages(database, [Meter])
    const db = database.connect()
    const storage = kyselyStorage({ db, closeDb: true }).open({ types: [Station] })
    const outdated = expect.objectContaining({
      code: 'schema_outdated',
      message: expect.stringContaining('storage.migrate()'),
    })
    await expect(storage.commit(one)).rejects.toEqual(outdated)
    await expect(storage.readings.list(Station, {}, { limit: 1 })).rejects.toEqual(outdated)
    await expect(storage.devices.create(Station, device(Station, 'd'))).rejects.toEqual(outdated)
    await expect(storage.log.read([Station], null, 1)).rejects.toEqual(outdated)
    await storage.migrate()
    await storage.commit(one)
    await storage.close()
    void storages
  })

  test('after close everything is `closed`, and the database of the application goes on', async () => {
    const database = await openDatabase()
    await using storages = await openStorages(database, [Station])
    const db = database.connect()
    const storage = kyselyStorage({ db }).open({ types: [Station] })
    await storage.commit(one)
    await storage.close()
    await expect(storage.commit(one)).rejects.toEqual(code('closed'))
    await expect(storage.readings.list(Station, {}, { limit: 1 })).rejects.toEqual(code('closed'))
    expect((await sql`select 1 as one`.execute(db)).rows).toHaveLength(1)
    await db.destroy()
    void storages
  })

  test('a row that violates a foreign unique index is storage_failed, not retried for ever', async () => {
    const database = await openDatabase()
    await using storages = await openStorages(database, [Station])
    const db = database.connect()
    await sql`create unique index somebodys on station_reading (count)`.execute(db)
    const storage = storages.open()
    const counted = batch([entry(Station, 'd', [sample('d', {}, [null, 7, null, null])])])
    await storage.commit(counted)
    await expect(storage.commit(counted)).rejects.toEqual(code('storage_failed'))
    await db.destroy()
  })
})

describe('a server that is not there', () => {
  test.each(['postgres', 'mysql'] as const)('is storage_unavailable: %s', async (dialect) => {
    const port = await freePort()
    const db = new Kysely<unknown>({
      dialect:
        dialect === 'postgres'
          ? new PostgresDialect({ pool: new pg.Pool({ host: '127.0.0.1', port, user: 'x', database: 'x' }) })
          : new MysqlDialect({
              pool: mysql.createPool({ host: '127.0.0.1', port, user: 'x', database: 'x' }),
            }),
    })
    const storage = kyselyStorage({ db, closeDb: true }).open({ types: [Station] })
    await expect(storage.commit(one)).rejects.toEqual(code('storage_unavailable'))
    await expect(storage.devices.find(Station, ['d'])).rejects.toEqual(code('storage_unavailable'))
    await expect(storage.log.read([Station], null, 1)).rejects.toEqual(code('storage_unavailable'))
    await expect(storage.migrate()).rejects.toEqual(code('storage_unavailable'))
    await storage.close()
  })
})

describeWith(['postgres'], 'PostgreSQL', ({ postgres }) => {
  test('text with NUL is refused, and the rest of the connection is unharmed', async () => {
    await using storages = await openStorages(await postgresDatabase(postgres()), [Station])
    const storage = storages.open()
    const nul = batch([entry(Station, 'd', [sample('d', {}, [null, null, 'a\0b', null])])])
    await expect(storage.commit(nul)).rejects.toEqual(code('storage_failed'))
    await storage.commit(one)
  })

  test('connections that are cut off, and a server that only reads, are storage_unavailable', async () => {
    const database = await postgresDatabase(postgres())
    await using storages = await openStorages(database, [Station])
    const storage = storages.open()
    await storage.commit(one)
    const db = database.connect()
    await sql`alter database ${sql.raw((await sql<{ n: string }>`select current_database() as n`.execute(db)).rows[0]?.n ?? '')} set default_transaction_read_only = on`.execute(
      db,
    )
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
      db,
    )
    const another = batch([entry(Station, 'e')])
    const failures = []
    for (let attempt = 0; attempt < 4; attempt++)
      failures.push(await storage.commit(another).catch((error: unknown) => error))
    expect(
      failures.every((error) => isDeviceHubError(error, 'storage_unavailable')),
      String(failures),
    ).toBe(true)
    await db.destroy()
  })
})

describeWith(['sqlite'], 'SQLite', () => {
  test('waits for a busy database, then is storage_unavailable', async () => {
    const database = await sqliteFile({ busyTimeout: '50ms' })
    await using storages = await openStorages(database, [Station])
    const storage = storages.open()
    const other = database.connect()
    const held = await other.startTransaction().execute()
    const short = storage.commit(one)
    await new Promise((resolve) => setTimeout(resolve, 200))
    await held.rollback().execute()
    await short
    const again = await other.startTransaction().execute()
    await expect(storage.commit(batch([entry(Station, 'e')]))).rejects.toEqual(code('storage_unavailable'))
    await again.rollback().execute()
    await other.destroy()
  })
})

import type { CredentialWrite } from '@devicehub/core/storage'
import { describeWith, waitUntil } from '@devicehub/test-kit'
import { type Kysely, sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Connection, Transaction } from '../connection/connection.js'
import { kyselyConnection } from '../connection/kysely-connection.js'
import { insertDevices } from '../query/insert-devices.js'
import { deviceShape } from '../rows/device-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { type EmptyDatabase, mariadbDatabase, postgresDatabase } from '../testing/open-database.js'
import { openStorages } from '../testing/opened-storage.js'
import { device, Station, T0 } from '../testing/rows.js'
import { lockAccess, noteAccess } from './access-clock.js'

/** Work in a transaction, without a limit of silence, that waits before its commit. */
function openTransaction(connection: Connection, work: (transaction: Transaction) => Promise<unknown>) {
  let finish = () => {}
  let isWritten = () => {}
  const mayFinish = new Promise<void>((resolve) => {
    finish = resolve
  })
  const written = new Promise<void>((resolve) => {
    isWritten = resolve
  })
  const done = connection.transaction({ messageTables: [], messagesFirst: false }, async (transaction) => {
    await work(transaction)
    isWritten()
    await mayFinish
  })
  return {
    written: Promise.race([written, done]),
    async finish() {
      finish()
      await done
    },
  }
}

const changeOf = (deviceId: string) => async (transaction: Transaction) => {
  const position = await lockAccess(transaction)
  await noteAccess(transaction, position, [{ typeKey: Station.key, deviceId }])
}

/** That a statement waits for a lock which another transaction has. */
const waits = (db: Kysely<unknown>, dialect: SqlDialect, statement: string) =>
  waitUntil('a statement to wait for a lock', async () => {
    const { rows } = await (dialect === 'postgres'
      ? sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      : sql`select 1 from information_schema.processlist where info like ${statement} and db = database()`
    ).execute(db)
    return rows.length > 0
  })

describeWith(
  {
    postgres: { settings: { fsync: 'off' } },
    mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } },
  },
  'changes whose transactions overlap',
  ({ postgres, mariadb }) => {
    const databases: Readonly<Record<string, [SqlDialect, () => Promise<EmptyDatabase>]>> = {
      PostgreSQL: ['postgres', () => postgresDatabase(postgres())],
      MariaDB: ['mysql', () => mariadbDatabase(mariadb())],
    }

    test.each(Object.entries(databases))(
      'a reader that comes between the commits of two misses neither, on %s',
      async (_, [dialect, open]) => {
        const database = await open()
        await using storages = await openStorages(database, [Station])
        const [storage, reader] = [storages.open(), storages.open()]
        await storage.credentials.write([made('c')])
        const { position } = await reader.credentials.changes(null, 10)
        const db = database.connect()
        const connection = kyselyConnection(db, dialect)
        const first = openTransaction(connection, changeOf('a'))
        await first.written
        const second = openTransaction(connection, changeOf('b'))
        await waits(db, dialect, 'select epoch%')
        expect(await reader.credentials.changes(position, 10)).toEqual({ position, devices: [] })
        await first.finish()
        await second.written
        const between = await reader.credentials.changes(position, 10)
        expect(between.devices).toEqual([{ typeKey: Station.key, deviceId: 'a' }])
        await second.finish()
        expect((await reader.credentials.changes(between.position, 10)).devices).toEqual([
          { typeKey: Station.key, deviceId: 'b' },
        ])
        await db.destroy()
      },
    )

    test.each(Object.entries(databases))(
      'a device that somebody else is making just now is taken as it is then, on %s',
      async (_, [dialect, open]) => {
        const database = await open()
        await using storages = await openStorages(database, [Station])
        const storage = storages.open()
        const db = database.connect()
        const other = openTransaction(kyselyConnection(db, dialect), (transaction) =>
          transaction.run(insertDevices(dialect, Station, deviceShape(Station), [device(Station, 'd')])),
        )
        await other.written
        const writing = storage.credentials.write([made('d')])
        await waits(db, dialect, 'insert into `station_device`%')
        await other.finish()
        expect(await writing).toEqual(['updated'])
        expect(await storage.credentials.ofDevices(Station, ['d'])).toHaveLength(1)
        await db.destroy()
      },
    )
  },
)

const made = (deviceId: string): CredentialWrite => ({
  type: Station,
  deviceId,
  create: device(Station, deviceId),
  onlyNew: false,
  retire: null,
  add: [
    {
      id: `password of ${deviceId}`,
      kind: 'password',
      lookup: deviceId,
      hash: 'hash',
      createdAt: T0,
      expiresAt: null,
    },
  ],
  username: undefined,
  now: T0,
})

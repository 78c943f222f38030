import { describeWith, waitUntil } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Connection } from '../connection/connection.js'
import { kyselyConnection } from '../connection/kysely-connection.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { type EmptyDatabase, mariadbDatabase, postgresDatabase } from '../testing/open-database.js'
import { openStorages } from '../testing/opened-storage.js'
import { device, Station, T0 } from '../testing/rows.js'
import { lockAccess, noteAccess } from './access-clock.js'

/** A change of a device that has been written, and waits before its commit. */
async function openChange(connection: Connection, deviceId: string) {
  let finish = () => {}
  let isWritten = () => {}
  const mayFinish = new Promise<void>((resolve) => {
    finish = resolve
  })
  const written = new Promise<void>((resolve) => {
    isWritten = resolve
  })
  // Without the limit of silence: this test may be slow.
  const options = { messageTables: [], messagesFirst: false }
  const done = connection.transaction(options, async (session) => {
    const epoch = await lockAccess(session)
    await session.run(
      sql`update station_device set is_active = ${session.dialect === 'postgres' ? false : 0} where device_id = ${deviceId}`,
    )
    await noteAccess(session, epoch, [{ typeKey: Station.key, deviceId }])
    isWritten()
    await mayFinish
  })
  await Promise.race([written, done])
  return {
    async finish() {
      finish()
      await done
    },
  }
}

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
      'an open one is not seen, and no later one is seen before it, on %s',
      async (_, [dialect, open]) => {
        const database = await open()
        await using storages = await openStorages(database, [Station])
        const [storage, reader] = [storages.open(), storages.open()]
        const ids = ['a', 'b', 'c']
        await storage.devices.ensure(
          Station,
          ids.map((id) => device(Station, id)),
        )
        await storage.devices.update(Station, 'c', { isActive: false }, T0)
        const { position } = await reader.credentials.changes(null, 10)
        const db = database.connect()
        const first = await openChange(kyselyConnection(db, dialect), 'a')
        const second = storage.devices.update(Station, 'b', { isActive: false }, T0)
        let isDone = false
        void second.then(() => {
          isDone = true
        })
        await waitUntil('the second to wait for the first', async () => {
          const { rows } = await (dialect === 'postgres'
            ? sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
            : sql`select 1 from information_schema.processlist where info like 'select epoch%for update%' and db = database()`
          ).execute(db)
          return rows.length > 0 || isDone
        })
        // Whoever reads now and goes on from there must not miss the first.
        const between = await reader.credentials.changes(position, 10)
        expect(between).toEqual({ position, devices: [] })
        expect(isDone, 'the second waits').toBe(false)
        await first.finish()
        await second
        const after = await reader.credentials.changes(between.position, 10)
        expect(after.devices?.map(({ deviceId }) => deviceId)).toEqual(['a', 'b'])
        await db.destroy()
      },
    )
  },
)

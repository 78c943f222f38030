import type { CommitBatch } from '@devicehub/core/storage'
import { describeWith, waitUntil } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { postgresDatabase } from '../testing/open-database.js'
import { openStorages } from '../testing/opened-storage.js'
import { batch, device, entry, Station, sample, T0 } from '../testing/rows.js'

const known = sample('a', { contentHash: 7 }, [1, 2, null, null])

/** What was stored before makes the storage look for duplicates first. */
const CASES: readonly (readonly [string, CommitBatch['entries']])[] = [
  ['plain', [entry(Station, 'a', [sample('a', { contentHash: 8 }, [2, 3, null, null])])]],
  ['with a sample that was stored before', [entry(Station, 'a', [known, sample('c')])]],
]

describeWith(['postgres'], 'the order of locks on PostgreSQL', ({ postgres }) => {
  test.each(CASES)(
    'a batch that waits for a device holds no last values and no later device: %s',
    async (_, entries) => {
      const database = await postgresDatabase(postgres())
      await using storages = await openStorages(database, [Station])
      const storage = storages.open()
      await storage.devices.ensure(
        Station,
        ['a', 'b', 'c'].map((id) => device(Station, id)),
      )
      await storage.commit(batch([entry(Station, 'a', [known])]))
      await storage.commit(batch([entry(Station, 'a', [known])]))
      const db = database.connect()
      const blocker = await db.startTransaction().execute()
      const isFree = async (query: ReturnType<typeof sql>) => (await query.execute(db)).rows.length > 0
      try {
        await sql`select 1 from station_device where device_id = 'b' for update`.execute(blocker)
        const committing = storage.commit(
          batch(entries, {
            touches: [{ type: Station, deviceId: 'c', lastSeen: T0 + 9 }],
            changes: [{ type: Station, deviceId: 'b', at: T0 + 9, lastSeen: T0 + 9 }],
          }),
        )
        await waitUntil('the batch to wait', () => isFree(sql`select 1 from pg_locks where not granted`))
        const last = sql`select 1 from station_latest where device_id = 'a' for update skip locked`
        expect(await isFree(last), 'last values').toBe(true)
        const later = sql`select 1 from station_device where device_id = 'c' for update skip locked`
        expect(await isFree(later), 'a device after it').toBe(true)
        await blocker.rollback().execute()
        await committing
        const seen = (await storage.devices.find(Station, ['b', 'c'])).map(({ lastSeen }) => lastSeen)
        expect(seen).toEqual([T0 + 9, T0 + 9])
      } finally {
        if (!blocker.isCommitted && !blocker.isRolledBack) await blocker.rollback().execute()
        await db.destroy()
      }
    },
  )
})

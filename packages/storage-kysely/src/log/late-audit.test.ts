import { describeWith, waitUntil } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { postgresDatabase } from '../testing/open-database.js'
import { openStorages } from '../testing/opened-storage.js'
import { batch, device, entry, message, Station, T0 } from '../testing/rows.js'

describeWith(['postgres'], 'the audit row of a change on PostgreSQL', ({ postgres }) => {
  test('is not skipped by a reader when its transaction had to wait for the device', async () => {
    const database = await postgresDatabase(postgres())
    await using storages = await openStorages(database, [Station])
    const [marker, other] = [storages.open(), storages.open()]
    // The first is locked at once, which begins the transaction in earnest; then it waits for the second.
    for (const id of ['a', 'd'])
      await marker.devices.create(Station, { ...device(Station, id), status: 'online', lastSeen: T0 })
    const db = database.connect()
    try {
      let free = () => {}
      let isHeld = () => {}
      const held = new Promise<void>((resolve) => (isHeld = resolve))
      const freed = new Promise<void>((resolve) => (free = resolve))
      const blocking = db.transaction().execute(async (transaction) => {
        await sql`select 1 from station_device where device_id = 'd' for update`.execute(transaction)
        isHeld()
        await freed
      })
      await held
      const marking = marker.commit(
        batch([], {
          changes: ['a', 'd'].map((deviceId) => ({
            type: Station,
            deviceId,
            lastSeen: T0,
            at: T0 + 50,
            status: { value: 'offline' },
            ifSeenBefore: T0 + 50,
            audit: message(deviceId, { direction: 'hub', correlationId: `late ${deviceId}` }),
          })),
        }),
      )
      await waitUntil('the mark to wait', async () => {
        const { rows } = await sql`select 1 from pg_locks where not granted`.execute(db)
        return rows.length > 0
      })
      await other.commit(batch([entry(Station, 'e', [], { correlationId: 'early' })]))
      const first = await other.log.read([Station], null, 10)
      free()
      await Promise.all([blocking, marking])
      const second = await other.log.read([Station], first.cursor, 10)
      const seen = [...first.messages, ...second.messages].map(({ correlationId }) => correlationId)
      expect(seen.sort()).toEqual(['early', 'late a', 'late d'])
    } finally {
      await db.destroy()
    }
  })
})

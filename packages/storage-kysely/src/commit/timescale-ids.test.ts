import { describeWith } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createRecentCommands } from '../command/recent-commands.js'
import { kyselyConnection } from '../connection/kysely-connection.js'
import { postgresDatabase } from '../testing/open-database.js'
import { openStorages } from '../testing/opened-storage.js'
import { batch, entry, Station, sample, T0 } from '../testing/rows.js'
import { createCommit } from './create-commit.js'
import { knownTypes } from './known-types.js'

// The keys of a hypertable on a plain table: what matters here is that (device, id) alone is not unique in it.
describeWith(
  { postgres: { settings: { fsync: 'off' } } },
  'sample ids where a unique key has to hold the time',
  ({ postgres }) => {
    test('invariant 2: an id sent by several writers at once, with another time each, is stored once', async () => {
      const database = await postgresDatabase(postgres())
      await using storages = await openStorages(database, [Station])
      const storage = storages.open()
      const connections = [database.connect(), database.connect(), database.connect()]
      await sql`drop index station_reading_sample_key`.execute(connections[0] as (typeof connections)[0])
      await sql`create unique index on station_reading (device_id, sample_id, timestamp)`.execute(
        connections[0] as (typeof connections)[0],
      )
      const commits = connections.map((db) =>
        createCommit({
          connection: kyselyConnection(db, 'postgres'),
          known: knownTypes([Station]),
          recent: createRecentCommands(),
          timescale: true,
        }),
      )
      for (let round = 0; round < 15; round++) {
        const results = await Promise.all(
          commits.map((commit, writer) => {
            // Devices that keep no time: that of arrival differs.
            const at = T0 + round * 1000 + writer
            const entries = Array.from({ length: 20 }, (_, index) => {
              const number = writer % 2 ? 19 - index : index
              const identity = { sampleId: `r${round}-${number}`, timestamp: at, receivedAt: at }
              return entry(Station, `d${number % 3}`, [sample(`d${number % 3}`, identity)])
            })
            return commit(batch(entries))
          }),
        )
        const found = results
          .flatMap(({ duplicates }) => duplicates ?? [])
          .reduce((sum, count) => sum + count, 0)
        expect(found).toBe(2 * 20)
      }
      expect((await storage.readings.list(Station, {}, { limit: 1000 })).items).toHaveLength(15 * 20)
      for (const db of connections) await db.destroy()
    })
  },
)

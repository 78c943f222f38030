import { describeWith, storageContract } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { contractOn } from '../testing/contract-on.js'
import { postgresDatabase } from '../testing/open-database.js'

// Nothing outlives its test: durability would only cost time.
describeWith({ timescaledb: { settings: { fsync: 'off' } } }, 'TimescaleDB', ({ timescaledb }) => {
  contractOn(
    storageContract,
    'TimescaleDB',
    async () => {
      const database = await postgresDatabase(timescaledb())
      await sql`create extension timescaledb`.execute(database.connect())
      return database
    },
    { timescale: { chunkInterval: '7d' } },
  )
})

import type { CommitEntry } from '@devicehub/core'
import { describeWith, storageContract } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { type KyselyStorageOptions, kyselyStorage } from './kysely-storage.js'
import {
  type EmptyDatabase,
  mariadbDatabase,
  plainSqliteFile,
  postgresDatabase,
  sqliteFile,
} from './testing/open-database.js'
import { SQLITE_DRIVERS } from './testing/sqlite-drivers.js'

/** The last value is the geo point's, a text. */
const refuse = (entry: CommitEntry): CommitEntry => ({
  ...entry,
  samples: entry.samples.map((sample) => ({ ...sample, values: [...sample.values.slice(0, -1), 7] })),
})

function contractOf(
  name: string,
  open: () => Promise<EmptyDatabase>,
  options: Pick<KyselyStorageOptions<unknown>, 'timescale'> = {},
): void {
  storageContract(
    name,
    async () => {
      const { connect, cleanup } = await open()
      const adapter = () => kyselyStorage({ ...options, db: connect(), closeDb: true })
      return { adapter: adapter(), connect: async () => adapter(), cleanup }
    },
    { secondStorage: true, refuse },
  )
}

for (const driver of SQLITE_DRIVERS) {
  contractOf(`SQLite, ${driver} in a worker`, () => sqliteFile({ driver, thread: true }))
  contractOf(`SQLite, ${driver} in this thread`, () => sqliteFile({ driver, thread: false }))
}
if (SQLITE_DRIVERS.includes('better-sqlite3')) contractOf("SQLite, Kysely's own dialect", plainSqliteFile)
// Nothing outlives its test: durability would only cost time.
describeWith({ postgres: { settings: { fsync: 'off' } } }, 'PostgreSQL', ({ postgres }) => {
  contractOf('PostgreSQL', () => postgresDatabase(postgres()))
})
describeWith({ mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } } }, 'MariaDB', ({ mariadb }) => {
  contractOf('MariaDB', () => mariadbDatabase(mariadb()))
})
describeWith({ timescaledb: { settings: { fsync: 'off' } } }, 'TimescaleDB', ({ timescaledb }) => {
  contractOf(
    'TimescaleDB',
    async () => {
      const database = await postgresDatabase(timescaledb())
      await sql`create extension timescaledb`.execute(database.connect())
      return database
    },
    { timescale: { chunkInterval: '7 days' } },
  )
})

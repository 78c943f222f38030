import type { CommitEntry } from '@devicehub/core'
import { describeWith, storageContract } from '@devicehub/test-kit'
import { kyselyStorage } from './kysely-storage.js'
import {
  type EmptyDatabase,
  mariadbDatabase,
  plainSqliteFile,
  postgresDatabase,
  sqliteFile,
} from './testing/open-database.js'

const hasNodeSqlite = Number(process.versions.node.split('.')[0]) > 22

/** The last value is the geo point's, a text. */
const refuse = (entry: CommitEntry): CommitEntry => ({
  ...entry,
  samples: entry.samples.map((sample) => ({ ...sample, values: [...sample.values.slice(0, -1), 7] })),
})

function contractOf(name: string, open: () => Promise<EmptyDatabase>): void {
  storageContract(
    name,
    async () => {
      const { connect, cleanup } = await open()
      const adapter = () => kyselyStorage({ db: connect(), closeDb: true })
      return { adapter: adapter(), connect: async () => adapter(), cleanup }
    },
    { secondStorage: true, refuse },
  )
}

contractOf('SQLite, better-sqlite3 in a worker', () => sqliteFile({ driver: 'better-sqlite3', thread: true }))
contractOf('SQLite, better-sqlite3 in this thread', () =>
  sqliteFile({ driver: 'better-sqlite3', thread: false }),
)
contractOf("SQLite, Kysely's own dialect", plainSqliteFile)
if (hasNodeSqlite) {
  contractOf('SQLite, node:sqlite in a worker', () => sqliteFile({ driver: 'node:sqlite', thread: true }))
  contractOf('SQLite, node:sqlite in this thread', () => sqliteFile({ driver: 'node:sqlite', thread: false }))
}
// Nothing outlives its test: durability would only cost time.
describeWith({ postgres: { settings: { fsync: 'off' } } }, 'PostgreSQL', ({ postgres }) => {
  contractOf('PostgreSQL', () => postgresDatabase(postgres()))
})
describeWith({ mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } } }, 'MariaDB', ({ mariadb }) => {
  contractOf('MariaDB', () => mariadbDatabase(mariadb()))
})

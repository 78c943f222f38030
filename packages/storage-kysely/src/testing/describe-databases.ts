import { describeWith } from '@devicehub/test-kit'
import { type EmptyDatabase, mariadbDatabase, postgresDatabase, sqliteFile } from './open-database.js'

/** The same tests on each kind of database, each with what opens an empty one. */
export function describeDatabases(title: string, tests: (open: () => Promise<EmptyDatabase>) => void): void {
  describeWith(['sqlite'], `${title} on SQLite`, () => tests(() => sqliteFile({})))
  // Nothing here outlives its test: durability would only cost time.
  describeWith({ postgres: { settings: { fsync: 'off' } } }, `${title} on PostgreSQL`, ({ postgres }) =>
    tests(() => postgresDatabase(postgres())),
  )
  describeWith(
    { mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } } },
    `${title} on MariaDB`,
    ({ mariadb }) => tests(() => mariadbDatabase(mariadb())),
  )
}

import type { Duration } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { SqliteDriver } from './find-driver.js'

export interface SqliteDialectOptions {
  /** Path of the database file, made when it is not there; `:memory:` for one that is gone with the process. */
  readonly file: string
  /** Default `auto`: node:sqlite where Node has it (22.13), else better-sqlite3, which is to be installed. */
  readonly driver?: SqliteDriver | 'auto'
  /**
   * Runs the database in a worker thread, so that a commit's fsync does not hold up this one. Default true for a file,
   * false for `:memory:`. False spares some 20 µs a statement, and blocks the event loop while the database works.
   */
  readonly thread?: boolean
  /**
   * How long to wait for another process that writes. Default 5 s in a worker; 0 in this thread,
   * which would stand still meanwhile: there the storage itself waits and tries again.
   */
  readonly busyTimeout?: Duration
}

const { duration, flag, optional, text, word } = check

const OPTIONS = check.options<check.InMilliseconds<SqliteDialectOptions>>({
  file: text({ max: 4_096, expected: "a path, or ':memory:'" }),
  driver: optional(word('auto', 'node:sqlite', 'better-sqlite3')),
  thread: optional(flag),
  busyTimeout: optional(duration({ max: '1h' })),
})

export const acceptSqlite = (given: unknown): check.InMilliseconds<SqliteDialectOptions> =>
  check.accept('sqliteDialect', 'options', OPTIONS, given)

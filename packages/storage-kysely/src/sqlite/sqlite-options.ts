import type { Duration } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { SqliteDriver } from './find-driver.js'
import { SQLITE_FILE, SQLITE_FILE_PATTERN } from './sqlite-file.js'

/** Options of `sqliteDialect`. */
export interface SqliteDialectOptions {
  /**
   * Path of the database file, created if it does not exist, readable for its owner alone. Exactly `:memory:` is a database
   * that ends with the process. Blanks around it and `file:` URIs are refused; so are folders and devices, when it is opened.
   */
  readonly file: string
  /**
   * Default `auto`: `node:sqlite` where Node has it (22.13 and later), else `better-sqlite3`, which must be
   * installed.
   */
  readonly driver?: SqliteDriver | 'auto'
  /**
   * Runs the database in a worker thread, so that the fsync of a commit does not block the event loop. Default true
   * for a file, false for `:memory:`. False saves about 20 µs per statement.
   */
  readonly thread?: boolean
  /**
   * How long a statement waits while another process writes. Default 5 s in a worker; 0 in this thread, which the
   * wait would block: there the storage waits and retries.
   */
  readonly busyTimeout?: Duration
}

const { duration, flag, optional, text, word } = check

const OPTIONS = check.options<check.InMilliseconds<SqliteDialectOptions>>({
  file: text({ max: 4_096, pattern: SQLITE_FILE_PATTERN, expected: SQLITE_FILE }),
  driver: optional(word('auto', 'node:sqlite', 'better-sqlite3')),
  thread: optional(flag),
  busyTimeout: optional(duration({ max: '1h' })),
})

export const acceptSqlite = (given: unknown): check.InMilliseconds<SqliteDialectOptions> =>
  check.accept('sqliteDialect', 'options', OPTIONS, given)

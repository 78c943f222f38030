import { findSqliteDriver, type SqliteDriver } from '../sqlite/find-driver.js'
import { openBetterSqlite } from './better-sqlite.js'

/** The drivers that work here: better-sqlite3 is built for one version of Node, node:sqlite comes with the later ones. */
export const SQLITE_DRIVERS: readonly SqliteDriver[] = (['better-sqlite3', 'node:sqlite'] as const).filter(
  (driver) => {
    try {
      if (driver === 'better-sqlite3') openBetterSqlite(':memory:').close()
      return findSqliteDriver(driver).driver === driver
    } catch {
      return false
    }
  },
)

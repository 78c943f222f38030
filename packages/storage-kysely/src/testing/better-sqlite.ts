import { createRequire } from 'node:module'
import type BetterSqlite from 'better-sqlite3'

/** Throws where it is not installed, or not built: it is optional. */
export function openBetterSqlite(file: string, options: BetterSqlite.Options = {}): BetterSqlite.Database {
  const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite
  return new Database(file, options)
}

import type { LeaseFence } from '@devicehub/core/storage'
import { type Kysely, sql } from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'
import { LEASE_TABLE } from '../schema/tables.js'
import { numberSql } from './number-sql.js'

/**
 * MySQL and MariaDB: makes the server close this connection when the client is silent for half of the leases' time to
 * live (whole seconds, at least one). Returns what restores the setting, because the connection is the application's.
 * PostgreSQL sets such a limit for the transaction alone; SQLite has no server.
 */
export async function limitIdle(
  db: Kysely<unknown>,
  dialect: SqlDialect,
  fences: readonly LeaseFence[],
  idleLimit: number | undefined,
): Promise<() => Promise<void>> {
  if (dialect !== 'mysql' || (fences.length === 0 && idleLimit === undefined)) return async () => {}
  const seconds =
    fences.length > 0
      ? sql`coalesce((select min(ttl) div 2000 from ${sql.table(LEASE_TABLE)} where name in (${sql.join(fences.map(({ name }) => name))})), 1)`
      : numberSql(Math.round((idleLimit ?? 0) / 1000))
  await sql`set @devicehub_wait_timeout = @@session.wait_timeout,
    @@session.wait_timeout = least(greatest(1, ${seconds}), @@session.wait_timeout)`.execute(db)
  return async () => {
    // A closed connection takes its settings with it.
    await sql`set @@session.wait_timeout = @devicehub_wait_timeout, @devicehub_wait_timeout = null`
      .execute(db)
      .catch(() => undefined)
  }
}

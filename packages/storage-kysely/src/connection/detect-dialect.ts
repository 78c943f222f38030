import { DeviceHubError } from '@devicehub/core'
import { type Kysely, MysqlAdapter, PostgresAdapter, SqliteAdapter } from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'

/** The dialect of a Kysely instance, by its adapter; by the adapter's name where another copy of Kysely made it. */
export function detectDialect(db: Kysely<unknown>): SqlDialect {
  const { adapter } = db.getExecutor()
  const name = adapter.constructor.name
  if (adapter instanceof PostgresAdapter || /postgres|pglite|neon/i.test(name)) return 'postgres'
  if (adapter instanceof SqliteAdapter || /sqlite|libsql|d1/i.test(name)) return 'sqlite'
  if (adapter instanceof MysqlAdapter || /mysql|maria|planetscale/i.test(name)) return 'mysql'
  throw new DeviceHubError(
    'invalid_options',
    `kyselyStorage: the dialect of the Kysely instance (${name}) is none of sqlite, postgres and mysql; pass \`dialect\` if it speaks one of them`,
  )
}

import * as check from '@devicehub/core/check'
import type { Kysely } from 'kysely'
import { dialectRule, kyselyRule } from './option-rules.js'
import type { SqlDialect } from './schema/logical-type.js'
import { TABLE_OPTIONS, type TimescaleOptions } from './schema/schema-options.js'

export interface KyselyStorageOptions<DB> {
  /** The application's Kysely instance. It stays yours: use it for your own tables and queries too. */
  readonly db: Kysely<DB>
  /** Default: what the instance's adapter says. For a dialect of another library that speaks one of these. */
  readonly dialect?: SqlDialect
  /** PostgreSQL with the extension timescaledb: readings become hypertables. */
  readonly timescale?: TimescaleOptions | null
  /** An index on (device_id, id) of the message tables: a device's messages are found fast, every insert costs more. Default false. */
  readonly indexMessagesByDevice?: boolean
  /** Whether `close()` also destroys the Kysely instance, which closes its pool or file. Default false: who made it ends it. */
  readonly closeDb?: boolean
}

const STORAGE = check.options<KyselyStorageOptions<unknown>>({
  ...TABLE_OPTIONS,
  db: kyselyRule,
  dialect: check.optional(dialectRule),
  closeDb: check.optional(check.flag),
})

export const acceptStorage = <DB>(given: unknown): KyselyStorageOptions<DB> =>
  check.accept('kyselyStorage', 'options', STORAGE, given) as KyselyStorageOptions<DB>

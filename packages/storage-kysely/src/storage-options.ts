import * as check from '@devicehub/core/check'
import type { Kysely } from 'kysely'
import { dialectRule, kyselyRule } from './option-rules.js'
import type { SqlDialect } from './schema/logical-type.js'
import { TABLE_OPTIONS, type TimescaleOptions } from './schema/schema-options.js'

/** Options of `kyselyStorage`. */
export interface KyselyStorageOptions<DB> {
  /** The application's Kysely instance. Use it for your own tables and queries too. */
  readonly db: Kysely<DB>
  /** Default: detected from the instance. Give it for a third-party dialect of one of these databases. */
  readonly dialect?: SqlDialect
  /**
   * Makes the reading tables hypertables. PostgreSQL with the extension timescaledb only. Default null: ordinary
   * tables.
   */
  readonly timescale?: TimescaleOptions | null
  /**
   * Adds an index on (device_id, id) to the message tables: reading one device's messages is fast, and every insert
   * costs more. Default false.
   */
  readonly indexMessagesByDevice?: boolean
  /**
   * Adds an index on (timestamp, id) to the reading tables: the newest readings of all devices, and those of a time, are
   * found fast, and every insert costs more. Default false.
   */
  readonly indexReadingsByTime?: boolean
  /**
   * Whether `close()` also destroys the Kysely instance, which closes its pool or file. Default false: whoever
   * created it destroys it.
   */
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

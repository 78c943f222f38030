import type { AnyDeviceType, Duration } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { isDeviceType } from '@devicehub/core/definition'
import type { MigrateOptions } from '@devicehub/core/storage'
import type { Kysely } from 'kysely'
import { dialectRule, kyselyRule } from '../option-rules.js'
import type { SqlDialect } from './logical-type.js'

/** How TimescaleDB keeps the reading tables. */
export interface TimescaleOptions {
  /**
   * How much time one chunk spans. Default `'7d'`. The indexes of the newest chunk should fit in memory: shorten it
   * for a large fleet.
   */
  readonly chunkInterval?: Duration
  /** Age at which the database drops a chunk. Absent: an existing policy stays. Null: the policy is removed. */
  readonly retention?: Duration | null
  /** Age at which the database compresses a chunk. Absent: an existing policy stays. Null: the policy is removed. */
  readonly compressAfter?: Duration | null
}

/** How the hub's tables are made. */
export interface TableOptions {
  /** The SQL dialect of the database. */
  readonly dialect: SqlDialect
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
   * Makes the reading tables hypertables. PostgreSQL with the extension timescaledb only. Default null: ordinary
   * tables.
   */
  readonly timescale?: TimescaleOptions | null
}

/** What `createSchema` compares: device types with a database. */
export interface SchemaSource<DB> {
  /** The application's Kysely instance. */
  readonly db: Kysely<DB>
  /** Its SQL dialect. MariaDB is `mysql`. */
  readonly dialect: SqlDialect
  /** The declared device types; abstract ones have no tables. */
  readonly types: readonly AnyDeviceType[]
  /** How the tables are made; give the same as to `kyselyStorage`. */
  readonly options?: Omit<TableOptions, 'dialect'>
}

const { durationToHandOn, flag, optional, options, orNull } = check

const interval = durationToHandOn({ min: '1m', max: '36500d' })

const TIMESCALE = options<TimescaleOptions>({
  chunkInterval: optional(interval),
  retention: optional(orNull(interval)),
  compressAfter: optional(orNull(interval)),
})

export const TABLE_OPTIONS: check.OptionRules<Omit<TableOptions, 'dialect'>> = {
  timescale: optional(orNull(TIMESCALE)),
  indexMessagesByDevice: optional(flag),
  indexReadingsByTime: optional(flag),
}

const SOURCE = options<SchemaSource<unknown>>({
  db: kyselyRule,
  dialect: dialectRule,
  types: check.list(check.satisfies<AnyDeviceType>('a device type made by defineDeviceType', isDeviceType)),
  options: optional(options<Omit<TableOptions, 'dialect'>>(TABLE_OPTIONS)),
})

const MIGRATE = options<MigrateOptions>({ allowDestructive: optional(flag) })

export const acceptSchema = <DB>(given: unknown): SchemaSource<DB> =>
  check.accept('createSchema', 'source', SOURCE, given) as SchemaSource<DB>

export const acceptMigrate = (call: string, given: unknown): MigrateOptions =>
  check.accept(call, 'options', MIGRATE, given)

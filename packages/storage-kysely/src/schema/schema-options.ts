import { type AnyDeviceType, type Duration, isDeviceType, type MigrateOptions } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { Kysely } from 'kysely'
import { dialectRule, kyselyRule } from '../option-rules.js'
import type { SqlDialect } from './logical-type.js'

/** How the reading tables are kept on TimescaleDB. */
export interface TimescaleOptions {
  /** Time that one chunk spans; default `'7d'`. A chunk's indexes should fit in memory: shorter for a large fleet. */
  readonly chunkInterval?: Duration
  /** Chunks wholly older than this are dropped by a job of the database. Absent: left as it is; null: the policy is removed. */
  readonly retention?: Duration | null
  /** Chunks wholly older than this are compressed by a job of the database. Absent: left as it is; null: the policy is removed. */
  readonly compressAfter?: Duration | null
}

export interface TableOptions {
  readonly dialect: SqlDialect
  /** An index on (device_id, id) of the message tables: a device's messages are found fast, every insert costs more. Default false. */
  readonly indexMessagesByDevice?: boolean
  /** PostgreSQL with the extension timescaledb: readings become hypertables. */
  readonly timescale?: TimescaleOptions | null
}

export interface SchemaSource<DB> {
  readonly db: Kysely<DB>
  readonly dialect: SqlDialect
  readonly types: readonly AnyDeviceType[]
  readonly options?: Omit<TableOptions, 'dialect'>
}

const { durationInSeconds, flag, optional, options, orNull } = check

const interval = durationInSeconds({ min: '1m', max: '36500d' })

const TIMESCALE = options<TimescaleOptions>({
  chunkInterval: optional(interval),
  retention: optional(orNull(interval)),
  compressAfter: optional(orNull(interval)),
})

export const TABLE_OPTIONS: check.OptionRules<Omit<TableOptions, 'dialect'>> = {
  timescale: optional(orNull(TIMESCALE)),
  indexMessagesByDevice: optional(flag),
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

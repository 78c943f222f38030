import type { EventEmitter } from 'node:events'
import { type AnyDeviceType, isDeviceType, type MigrateOptions } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { Kysely } from 'kysely'
import type { KyselyStorageOptions } from './kysely-storage.js'
import type { SchemaSource } from './schema/create-schema.js'
import type { SqlDialect } from './schema/logical-type.js'
import type { TableOptions } from './schema/tables.js'
import type { TimescaleOptions } from './schema/timescale.js'
import type { SqliteDialectOptions } from './sqlite/sqlite-dialect.js'

const { accept, duration, durationInSeconds, flag, optional, options, orNull, word } = check

const db = check.port<Kysely<unknown>>(
  'a Kysely instance: new Kysely({ dialect })',
  'getExecutor',
  'withoutPlugins',
  'transaction',
  'destroy',
)
const dialect = word<SqlDialect>('sqlite', 'postgres', 'mysql')

const span = durationInSeconds({ min: '1m', max: '36500d' })
const TIMESCALE = options<TimescaleOptions>({
  chunkInterval: optional(span),
  retention: optional(orNull(span)),
  compressAfter: optional(orNull(span)),
})

const TABLES: check.OptionRules<Omit<TableOptions, 'dialect'>> = {
  timescale: optional(orNull(TIMESCALE)),
  indexMessagesByDevice: optional(flag),
}

const STORAGE = options<KyselyStorageOptions<unknown>>({
  ...TABLES,
  db,
  dialect: optional(dialect),
  closeDb: optional(flag),
})

const SCHEMA = options<SchemaSource<unknown>>({
  db,
  dialect,
  types: check.list(check.satisfies<AnyDeviceType>('a device type made by defineDeviceType', isDeviceType)),
  options: optional(options<Omit<TableOptions, 'dialect'>>(TABLES)),
})

const SQLITE = options<check.InMilliseconds<SqliteDialectOptions>>({
  file: check.text({ max: 4_096, expected: "a path, or ':memory:'" }),
  driver: optional(word('auto', 'node:sqlite', 'better-sqlite3')),
  thread: optional(flag),
  busyTimeout: optional(duration({ max: '1h' })),
})

const MIGRATE = options<MigrateOptions>({ allowDestructive: optional(flag) })

const POOL = check.port<EventEmitter>('a pool of pg: new pg.Pool({ connectionString })', 'on', 'emit')

/** Each throws `invalid_options` with the function, the key and what is expected. */
export const acceptStorage = <DB>(given: unknown): KyselyStorageOptions<DB> =>
  accept('kyselyStorage', 'options', STORAGE, given) as KyselyStorageOptions<DB>
export const acceptSchema = <DB>(given: unknown): SchemaSource<DB> =>
  accept('createSchema', 'source', SCHEMA, given) as SchemaSource<DB>
export const acceptSqlite = (given: unknown): check.InMilliseconds<SqliteDialectOptions> =>
  accept('sqliteDialect', 'options', SQLITE, given)
export const acceptMigrate = (call: string, given: unknown): MigrateOptions =>
  accept(call, 'options', MIGRATE, given)
export const acceptPool = (pool: unknown, onError: unknown): void => {
  accept('guardPool', 'pool', POOL, pool)
  accept('guardPool', 'onError', check.callback(), onError)
}

export { guardPool } from './connection/guard-pool.js'
export type { AccessTable, ClaimKeyTable, ClaimTable, CredentialTable } from './database/credential-tables.js'
export type {
  CommandTable,
  ConsumerFailureTable,
  ConsumerTable,
  LabelTable,
  LeaseTable,
  TwinTable,
} from './database/hub-tables.js'
export type { InferDatabase } from './database/infer-database.js'
export type { DeviceTable, LatestTable, MessageTable, ReadingTable } from './database/type-tables.js'
export { kyselyStorage } from './kysely-storage.js'
export { createSchema, type Schema } from './schema/create-schema.js'
export type { SqlDialect } from './schema/logical-type.js'
export type { SchemaSource, TableOptions, TimescaleOptions } from './schema/schema-options.js'
export type { SqliteDriver } from './sqlite/find-driver.js'
export { sqliteDialect } from './sqlite/sqlite-dialect.js'
export type { SqliteDialectOptions } from './sqlite/sqlite-options.js'
export type { KyselyStorageOptions } from './storage-options.js'

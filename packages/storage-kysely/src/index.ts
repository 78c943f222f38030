export { guardPool } from './connection/guard-pool.js'
export type {
  AccessTable,
  ClaimKeyTable,
  ClaimTable,
  CommandTable,
  ConsumerFailureTable,
  ConsumerTable,
  CredentialTable,
  DeviceTable,
  InferDatabase,
  LatestTable,
  LeaseTable,
  MessageTable,
  ReadingTable,
  TwinTable,
} from './database.js'
export { type KyselyStorageOptions, kyselyStorage } from './kysely-storage.js'
export { createSchema, type Schema, type SchemaSource } from './schema/create-schema.js'
export type { SqlDialect } from './schema/logical-type.js'
export type { TableOptions } from './schema/tables.js'
export type { TimescaleOptions } from './schema/timescale.js'
export type { SqliteDriver } from './sqlite/find-driver.js'
export { type SqliteDialectOptions, sqliteDialect } from './sqlite/sqlite-dialect.js'

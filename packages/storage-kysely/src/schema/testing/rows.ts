import type { Kysely } from 'kysely'
import type { SqlDialect } from '../logical-type.js'

export type Row = Readonly<Record<string, unknown>>
export type AnyTables = Record<string, Record<string, unknown>>

/** A time as the dialect's driver takes and gives it. */
export const time = (dialect: SqlDialect, ms: number) => (dialect === 'postgres' ? new Date(ms) : ms)

export const readingRow = (dialect: SqlDialect, values: Row = {}): Row => ({
  device_id: 'd1',
  timestamp: time(dialect, 1_700_000_000_123),
  received_at: time(dialect, 1_700_000_000_456),
  ...values,
})

export const deviceRow = (dialect: SqlDialect, values: Row = {}): Row => ({
  device_id: 'd1',
  name: 'First',
  created_at: time(dialect, 1_700_000_000_000),
  updated_at: time(dialect, 1_700_000_000_000),
  ...values,
})

export const messageRow = (dialect: SqlDialect, values: Row = {}): Row => ({
  direction: 'in',
  topic: 'things/station/d1/data',
  source: 'default',
  qos: 1,
  redelivered: dialect === 'postgres' ? false : 0,
  retained: dialect === 'postgres' ? false : 0,
  processing_status: 'processed',
  received_at: time(dialect, 1_700_000_000_000),
  processed_at: time(dialect, 1_700_000_000_001),
  ...values,
})

export const insert = (db: Kysely<AnyTables>, table: string, ...rows: Row[]) =>
  db
    .insertInto(table)
    .values(rows as Record<string, unknown>[])
    .execute()

export const rowsOf = (db: Kysely<AnyTables>, table: string) =>
  db.selectFrom(table).selectAll().orderBy('id').execute()

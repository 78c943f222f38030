import type { AnyDeviceType } from '@devicehub/core'
import { type LogStore, PAGE_BYTES } from '@devicehub/core/storage'
import type { RawBuilder } from 'kysely'
import type { KnownTypes } from '../commit/known-types.js'
import { messageTableOf } from '../commit/prepare-batch.js'
import type { Connection } from '../connection/connection.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { asStorageErrors } from '../storage-error.js'
import { isBehindPositionOf, positionLog } from './position-log.js'
import type { LogOptions, LogTable } from './table-log.js'
import { isBehindPlaceOf, transactionLog } from './transaction-log.js'

/** Whether a row `t` of the table lies behind the cursor, in SQL. `invalid_query` for a cursor of another database. */
export const isBehindCursor = (
  dialect: SqlDialect,
  table: LogTable,
  cursor: string | null,
): RawBuilder<unknown> =>
  dialect === 'postgres' ? isBehindPlaceOf(table, cursor) : isBehindPositionOf(table, cursor)

export function createLogStore(
  connection: Connection,
  known: KnownTypes,
  options: LogOptions = {},
): LogStore {
  const log =
    connection.dialect === 'postgres' ? transactionLog(connection, options) : positionLog(connection, options)
  const tablesOf = (types: readonly (AnyDeviceType | null)[]): LogTable[] =>
    types.map((type) => {
      if (type) known.shapeOf(type)
      return { name: messageTableOf(type), typeKey: type?.key ?? null }
    })
  return {
    read: (types, cursor, limit, maxBytes = PAGE_BYTES) =>
      asStorageErrors('reading the log', () => log.read(tablesOf(types), cursor, { limit, maxBytes })),
    end: (types) => asStorageErrors('reading the log', () => log.end(tablesOf(types))),
    seek: (types, time) => asStorageErrors('reading the log', () => log.seek(tablesOf(types), time)),
    count: (types, cursor, max) =>
      asStorageErrors('counting the log', () => log.count(tablesOf(types), cursor, max)),
  }
}

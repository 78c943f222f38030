import type { AnyDeviceType, LogStore, StoredMessage } from '@devicehub/core'
import { type KnownTypes, messageTableOf } from '../commit/prepare-batch.js'
import type { Connection } from '../connection/connection.js'
import { asStorageErrors } from '../storage-error.js'
import { positionLog } from './position-log.js'
import { transactionLog } from './transaction-log.js'

/** One message table of the log. */
export interface LogTable {
  readonly name: string
  readonly typeKey: string | null
}

export interface TableLog {
  read(
    tables: readonly LogTable[],
    cursor: string | null,
    limit: number,
  ): Promise<{ readonly messages: readonly StoredMessage[]; readonly cursor: string }>
  end(tables: readonly LogTable[]): Promise<string>
}

export interface LogOptions {
  /** For tests alone: without it rows that commit late are skipped, which shows that the test would see it. */
  readonly watermark?: boolean
}

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
    read: (types, cursor, limit) =>
      asStorageErrors('reading the log', () => log.read(tablesOf(types), cursor, limit)),
    end: (types) => asStorageErrors('reading the log', () => log.end(tablesOf(types))),
  }
}

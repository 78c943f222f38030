import type { AnyDeviceType } from '@devicehub/core'
import { sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { databaseNow } from '../connection/database-clock.js'
import { columnValue } from '../connection/sql-fragments.js'
import { TWIN_TABLE } from '../schema/tables.js'

/**
 * Clears the twin of a deleted device. Its version stays and grows, because a later device with this id may remember
 * it.
 */
export async function clearTwin(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceId: string,
): Promise<void> {
  const table = sql.table(TWIN_TABLE)
  const isIts = sql`type_key = ${type.key} and device_id = ${deviceId}`
  await transaction.run(sql`delete from ${table} where ${isIts} and version = 0`)
  await transaction.run(
    sql`update ${table} set in_sync = null, desired = '{}', desired_at = '{}', reported_at = '{}', reported_version = null,
      version = version + 1, cleared = ${columnValue(transaction.dialect, 'boolean', true)}, claim = null,
      next_at = ${databaseNow(transaction.dialect)} where ${isIts}`,
  )
}

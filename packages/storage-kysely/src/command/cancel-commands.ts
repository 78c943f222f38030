import type { AnyDeviceType } from '@devicehub/core'
import { DEVICE_DELETED } from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { timeValue } from '../connection/sql-fragments.js'
import { COMMAND_TABLE } from '../schema/tables.js'

/** Of a device that is deleted: those that have no end yet. */
export async function cancelCommands(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceId: string,
  now: number,
): Promise<void> {
  await transaction.run(
    sql`update ${sql.table(COMMAND_TABLE)} set state = 'cancelled', reason = ${DEVICE_DELETED},
      finished_at = ${timeValue(transaction.dialect, now)}, claim = null, next_at = null
      where type_key = ${type.key} and device_id = ${deviceId} and finished_at is null`,
  )
}

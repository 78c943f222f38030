import type { TwinKey } from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { CLAIM_TABLE, CREDENTIAL_TABLE } from '../schema/tables.js'
import { noteAccess } from './access-clock.js'

/** Of a device that is deleted, under the clock whose position this is. */
export async function deleteAccess(
  transaction: Transaction,
  position: number,
  device: TwinKey,
): Promise<void> {
  for (const table of [CREDENTIAL_TABLE, CLAIM_TABLE])
    await transaction.run(
      sql`delete from ${sql.table(table)} where type_key = ${device.typeKey} and device_id = ${device.deviceId}`,
    )
  await noteAccess(transaction, position, [device])
}

import type { AnyDeviceType } from '@devicehub/core'
import { isInSync } from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { columnValue } from '../connection/sql-fragments.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { TWIN_TABLE } from '../schema/tables.js'
import { readStates, readTwins, type TwinRow } from './twin-rows.js'

/** Whether what is desired was reported, as the column `in_sync` has it: selectors ask for it. */
export const inSyncValue = (
  dialect: SqlDialect,
  type: AnyDeviceType,
  { desired }: Pick<TwinRow, 'desired'>,
  state: readonly StoredValue[],
): RawBuilder<unknown> => columnValue(dialect, 'boolean', isInSync(type, { desired, state }))

/** After the reported state of a device was set by hand, in the same transaction. */
export async function noteSync(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceId: string,
): Promise<void> {
  const device = (await readStates(transaction, type, [deviceId], true)).get(deviceId)
  if (device === undefined) return
  const row = (await readTwins(transaction, type, [deviceId], false)).get(deviceId)
  if (row === undefined) return
  await transaction.run(
    sql`update ${sql.table(TWIN_TABLE)} set in_sync = ${inSyncValue(transaction.dialect, type, row, device.state)}
      where type_key = ${type.key} and device_id = ${deviceId}`,
  )
}

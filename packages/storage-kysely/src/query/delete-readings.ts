import type { AnyDeviceType } from '@devicehub/core'
import type { Condition } from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { asStored, timeValue } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import { tableNames } from '../schema/tables.js'
import { createDeleteSteps, stepOf } from './delete-steps.js'
import { retryConflicts } from './retry-conflicts.js'
import { lockWithin } from './within-sql.js'

const PLAIN = { messageTables: [], messagesFirst: false } as const

/**
 * Deletes a device's samples in steps, oldest first, while the device is still there: a break leaves a device with fewer
 * samples, never samples without a device, which one created later with its id would have. Each step goes on where the one
 * before ended and so does not pass the deleted rows again. In a scope each of them looks whether the device is still in
 * it, and locks it meanwhile: false when it is not.
 */
export async function deleteReadings(
  connection: Connection,
  type: AnyDeviceType,
  deviceId: string,
  within?: Condition,
): Promise<boolean> {
  const { dialect } = connection
  const table = sql.table(tableNames(type).reading)
  const limit = stepOf(dialect)
  const steps = createDeleteSteps()
  const time = sql.ref('timestamp')
  const from = (start: number | null) =>
    start === null ? sql`` : sql` and ${time} >= ${timeValue(dialect, start)}`
  for (let reached: number | null = null; ; ) {
    const after: number | null = reached
    const { rows } = await connection.run(
      sql`select ${asStored(dialect, 'time', sql`max(w.${time})`)} as c0, count(*) as c1 from (select ${time} from ${table}
        where device_id = ${deviceId}${from(after)} order by ${time} limit ${numberSql(limit)}) as w`,
    )
    const [window] = rows.map(readRow)
    const last = window?.number(0) ?? null
    // The last ones go with the device.
    if (last === null || (window?.number(1) ?? 0) < limit) return true
    // The millisecond behind it: some databases measure finer.
    const end = Math.floor(last) + 1
    const step = sql`delete from ${table} where device_id = ${deviceId}${from(after)} and ${time} < ${timeValue(dialect, end)}`
    let isWithin = true
    await steps.run(() =>
      retryConflicts(async () => {
        if (within === undefined) return (await connection.run(step)).affected
        return connection.transaction(PLAIN, async (transaction) => {
          isWithin = (await lockWithin(transaction, type, [deviceId], within)).length > 0
          return isWithin ? (await transaction.run(step)).affected : 0
        })
      }),
    )
    if (!isWithin) return false
    reached = end
  }
}

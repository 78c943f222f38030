import type { AnyDeviceType } from '@devicehub/core'
import type { SetBackRequest } from '@devicehub/core/storage'
import { sql } from 'kysely'
import { compare } from '../commit/prepare-batch.js'
import type { Connection } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { timeValue } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import { tableNames } from '../schema/tables.js'
import { retryConflicts } from './retry-conflicts.js'

const DEVICES_MAX = 500

/**
 * Looks before it writes: there is nothing to write most of the time, and an update that finds its rows by no index would
 * lock all of a table, on MySQL until it ends, or keep other writers out, on SQLite.
 */
export async function setBackDevices(
  connection: Connection,
  type: AnyDeviceType,
  { after, now }: SetBackRequest,
): Promise<number> {
  const { dialect } = connection
  const table = sql.table(tableNames(type).device)
  const [limit, time] = [timeValue(dialect, after), timeValue(dialect, now)]
  const isAhead = sql`(last_seen > ${limit} or status_at > ${limit})`
  const back = (column: string) =>
    sql`${sql.ref(column)} = case when ${sql.ref(column)} > ${limit} then ${time} else ${sql.ref(column)} end`

  const { rows } = await connection.run(sql`select device_id as c0 from ${table} where ${isAhead}`)
  const ids = rows.map((row) => readRow(row).text(0) ?? '').sort(compare)
  let count = 0
  for (const part of inParts(ids, DEVICES_MAX)) {
    const update = sql`update ${table} set ${back('last_seen')}, ${back('status_at')}
      where device_id in (${sql.join(part)}) and ${isAhead}`
    const { affected } = await retryConflicts(() => connection.run(update))
    count += affected
  }
  return count
}

import type { AnyDeviceType } from '@devicehub/core'
import type { Condition } from '@devicehub/core/storage'
import { outOfScope } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { forNoKeyUpdate } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { conditionSql } from './condition-sql.js'

type Sql = RawBuilder<unknown>

export interface RowsWithin {
  readonly type: AnyDeviceType
  readonly within: Condition
  /** The one device that the rows are of, where it is known: then it alone is looked at. */
  readonly deviceId?: Sql | undefined
  /**
   * Of the table `t`, whose rows outlive their device: when each was written. One from before the device was created is
   * of a deleted one that had its id.
   */
  readonly writtenAt?: Sql
}

/** Of the table `t`, with its column `device_id`: the rows of devices in a scope. */
export function withinSql(
  dialect: SqlDialect,
  { type, within, deviceId, writtenAt }: RowsWithin,
): readonly Sql[] {
  const device = sql.table(tableNames(type).device)
  if (deviceId !== undefined) {
    const chosen = conditionSql(dialect, type, within, 'one')
    const isChosen = sql`exists (select 1 from ${device} as t where t.device_id = ${deviceId} and ${chosen})`
    if (writtenAt === undefined) return [isChosen]
    return [
      isChosen,
      sql`${writtenAt} >= (select v.created_at from ${device} as v where v.device_id = ${deviceId})`,
    ]
  }
  const chosen = conditionSql(dialect, type, within)
  const isChosen = sql`t.device_id in (select t.device_id from ${device} as t where ${chosen})`
  if (writtenAt === undefined) return [isChosen]
  return [
    isChosen,
    sql`not exists (select 1 from ${device} as v where v.device_id = t.device_id and v.created_at > ${writtenAt})`,
  ]
}

/**
 * Which of these devices the condition holds for, under locks of their rows until the transaction ends: nobody takes one
 * out of a scope between this check and the change. The rows are locked by a statement of their own, because what one
 * statement reads of labels may be older than the row that it waited for.
 */
export async function lockWithin(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition,
): Promise<readonly string[]> {
  if (deviceIds.length === 0) return []
  await transaction.run(
    sql`select t.device_id as c0 from ${sql.table(tableNames(type).device)} as t
      where t.device_id in (${sql.join(deviceIds)}) order by t.device_id ${forNoKeyUpdate(transaction.dialect)}`,
  )
  return chosenOf(transaction, type, deviceIds, within)
}

/** Of devices that are locked. */
export async function chosenOf(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition,
): Promise<readonly string[]> {
  if (deviceIds.length === 0) return []
  const { rows } = await transaction.run(
    sql`select t.device_id as c0 from ${sql.table(tableNames(type).device)} as t
      where t.device_id in (${sql.join(deviceIds)}) and ${conditionSql(transaction.dialect, type, within, 'one')}
      order by t.device_id`,
  )
  return rows.map((row) => readRow(row).text(0) ?? '')
}

/** `out_of_scope`, which undoes the transaction, when the condition does not hold any more for one of these. */
export async function assertStillWithin(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition,
): Promise<void> {
  const chosen = new Set(await chosenOf(transaction, type, deviceIds, within))
  const gone = deviceIds.find((deviceId) => !chosen.has(deviceId))
  if (gone !== undefined) throw outOfScope(type, gone)
}

import type { AnyDeviceType } from '@devicehub/core'
import type { ReadingFilter } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { timeValue } from '../connection/sql-fragments.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { withinSql } from './within-sql.js'

/** The conditions of a filter on the reading table, which the statement names `t`. */
export function readingConditions(
  dialect: SqlDialect,
  type: AnyDeviceType,
  { deviceId, from, to, within }: ReadingFilter,
): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = []
  if (deviceId !== undefined) conditions.push(sql`t.device_id = ${deviceId}`)
  if (from !== undefined) conditions.push(sql`t.timestamp >= ${timeValue(dialect, from)}`)
  if (to !== undefined) conditions.push(sql`t.timestamp < ${timeValue(dialect, to)}`)
  if (within !== undefined)
    conditions.push(
      ...withinSql(dialect, {
        type,
        within,
        deviceId: deviceId === undefined ? undefined : sql`${deviceId}`,
      }),
    )
  return conditions
}

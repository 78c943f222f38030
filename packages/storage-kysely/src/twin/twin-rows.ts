import type { AnyDeviceType } from '@devicehub/core'
import type { Condition, ReportMark, TwinRecord } from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'
import { sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { columnValue, forNoKeyUpdate, insertIfAbsent, selectList } from '../connection/sql-fragments.js'
import { conditionSql } from '../query/condition-sql.js'
import { deviceShape } from '../rows/device-columns.js'
import { type RowReader, readRow } from '../rows/row-reader.js'
import { TWIN_TABLE, tableNames } from '../schema/tables.js'

type Run = Pick<Transaction, 'run' | 'dialect'>

/** The row of a twin: everything but the reported values, which are columns of the device. */
export type TwinRow = Omit<TwinRecord, 'state'>

const COLUMNS = [
  { name: 'device_id', kind: 'text' },
  { name: 'desired', kind: 'json' },
  { name: 'desired_at', kind: 'json' },
  { name: 'version', kind: 'integer' },
  { name: 'published_version', kind: 'integer' },
  { name: 'reported_version', kind: 'integer' },
  { name: 'reported_at', kind: 'json' },
] as const

export const NO_TWIN: TwinRow = {
  desired: {},
  desiredAt: {},
  version: 0,
  publishedVersion: 0,
  reportedVersion: null,
  reportedAt: {},
}

const twinRow = (row: RowReader): TwinRow => ({
  desired: JSON.parse(row.text(1) ?? '{}') as Record<string, unknown>,
  desiredAt: JSON.parse(row.text(2) ?? '{}') as Record<string, number>,
  version: row.number(3) ?? 0,
  publishedVersion: row.number(4) ?? 0,
  reportedVersion: row.number(5),
  reportedAt: JSON.parse(row.text(6) ?? '{}') as Record<string, ReportMark>,
})

/** Twin rows by device id. With `lock`, missing ones are created, and all are locked. */
export async function readTwins(
  on: Run,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  lock: boolean,
): Promise<Map<string, TwinRow>> {
  const { dialect } = on
  if (lock) {
    const row = (deviceId: string) =>
      sql`(${type.key}, ${deviceId}, '{}', '{}', 0, 0, ${columnValue(dialect, 'boolean', false)}, '{}')`
    await on.run(
      insertIfAbsent(
        dialect,
        TWIN_TABLE,
        sql`(type_key, device_id, desired, desired_at, version, published_version, cleared, reported_at)
          values ${sql.join(deviceIds.map(row))}`,
      ),
    )
  }
  const locking = lock && dialect !== 'sqlite' ? sql`for update` : sql``
  const { rows } = await on.run(
    sql`select ${selectList(dialect, COLUMNS)} from ${sql.table(TWIN_TABLE)} as t
      where t.type_key = ${type.key} and t.device_id in (${sql.join(deviceIds)}) order by t.device_id ${locking}`,
  )
  return new Map(rows.map(readRow).map((row) => [row.text(0) ?? '', twinRow(row)]))
}

export interface DeviceState {
  readonly isActive: boolean
  readonly state: readonly StoredValue[]
}

/** Device rows by device id, with the state fields in the order of the type. With `lock`, they are locked. */
export async function readStates(
  on: Run,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  lock: boolean,
  within?: Condition,
): Promise<Map<string, DeviceState>> {
  const { dialect } = on
  const kinds = deviceShape(type).kinds
  const columns = [
    { name: 'device_id', kind: 'text' } as const,
    { name: 'is_active', kind: 'boolean' } as const,
    ...type.stateNames.map((name, index) => ({ name, kind: kinds[index] ?? 'text' })),
  ]
  const locking = lock ? forNoKeyUpdate(dialect) : sql``
  const chosen = within === undefined ? sql`` : sql`and ${conditionSql(dialect, type, within, 'one')}`
  const { rows } = await on.run(
    sql`select ${selectList(dialect, columns)} from ${sql.table(tableNames(type).device)} as t
      where t.device_id in (${sql.join(deviceIds)}) ${chosen} order by t.device_id ${locking}`,
  )
  return new Map(
    rows
      .map(readRow)
      .map((row) => [
        row.text(0) ?? '',
        { isActive: row.boolean(1) ?? false, state: kinds.map((kind, index) => row.value(index + 2, kind)) },
      ]),
  )
}

import { type AnyDeviceType, DeviceHubError } from '@devicehub/core'
import type { DeviceRecord } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { columnValue } from '../connection/sql-fragments.js'
import { checkValue } from '../rows/check-value.js'
import type { DeviceShape } from '../rows/device-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'

/** An INSERT of devices, with every column. `storage_failed` for what no database should take. */
export function insertDevices(
  dialect: SqlDialect,
  type: AnyDeviceType,
  { columns }: DeviceShape,
  devices: readonly DeviceRecord[],
): RawBuilder<unknown> {
  const table = tableNames(type).device
  const rows = devices.map((device) => {
    if (device.state.length !== type.stateNames.length)
      throw new DeviceHubError(
        'storage_failed',
        `${device.deviceId} was refused: it has ${device.state.length} values for the ${type.stateNames.length} state fields of ${type.name}.`,
      )
    const values = columns.map((column) => {
      const value = column.get(device) ?? null
      if (value !== null) checkValue(table, column, value)
      return columnValue(dialect, column.kind, value)
    })
    return sql`(${sql.join(values)})`
  })
  const names = sql.join(columns.map(({ name }) => sql.ref(name)))
  return sql`insert into ${sql.table(table)} (${names}) values ${sql.join(rows)}`
}

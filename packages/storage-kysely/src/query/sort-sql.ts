import type { AnyDeviceType } from '@devicehub/core'
import type { Field } from '@devicehub/core/definition'
import type { DeviceListRequest, DevicePosition, DeviceSort } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { columnValue } from '../connection/sql-fragments.js'
import { type ValueKind, valueKind } from '../rows/column-source.js'
import { deviceColumn } from '../rows/device-columns.js'
import { keepsLastValues } from '../schema/latest-table.js'
import { fieldType, type SqlDialect } from '../schema/logical-type.js'
import { LABEL_TABLE, tableNames } from '../schema/tables.js'
import { newestWith } from './condition-sql.js'

type Sql = RawBuilder<unknown>

/** What devices are sorted by, on the device table `t`. */
export interface SortKey {
  readonly sql: Sql
  readonly kind: ValueKind
  /** Whether devices can be without it. */
  readonly nullable: boolean
}

const NEVER_NULL = new Set(['deviceId', 'name', 'status', 'isActive', 'createdAt', 'updatedAt'])

export function sortKey(dialect: SqlDialect, type: AnyDeviceType, { by }: DeviceSort): SortKey {
  const { sql: value, kind, nullable } = keyOf(type, by)
  return { sql: kind === 'text' ? byCodePoints(dialect, value) : value, kind, nullable }
}

function keyOf(type: AnyDeviceType, by: DeviceSort['by']): SortKey {
  const { latest, reading } = tableNames(type)
  const of = (fields: Readonly<Record<string, Field>>, value: (name: string) => Sql): SortKey => {
    const field = Object.hasOwn(fields, by.name) ? fields[by.name] : undefined
    if (field === undefined) return { sql: sql`null`, kind: 'text', nullable: true }
    return { sql: value(by.name), kind: valueKind(fieldType(field)), nullable: true }
  }
  switch (by.of) {
    case 'device': {
      const [name, kind] = deviceColumn(by.name)
      return { sql: sql.ref(`t.${name}`), kind, nullable: !NEVER_NULL.has(by.name) }
    }
    case 'state':
      return of(type.state, (name) => sql.ref(`t.${name}`))
    case 'reading':
      return of(type.readings, (name) => {
        const [table, isIt] = keepsLastValues(type)
          ? [latest, sql`l.device_id = t.device_id`]
          : [reading, sql`l.device_id = t.device_id and ${newestWith(reading, name)}`]
        return sql`(select ${sql.ref(`l.${name}`)} from ${sql.table(table)} as l where ${isIt})`
      })
    case 'label':
      return {
        sql: sql`(select l.value from ${sql.table(LABEL_TABLE)} as l where l.type_key = ${type.key}
          and l.device_id = t.device_id and l.label = ${by.name})`,
        kind: 'text',
        nullable: true,
      }
  }
}

/** The other databases compare these columns by their bytes as they are. */
export const byCodePoints = (dialect: SqlDialect, value: Sql): Sql =>
  dialect === 'postgres' ? sql`${value} collate "C"` : value

/** Those without a value last, however it is sorted. */
export function orderSql(
  dialect: SqlDialect,
  { sql: key, nullable }: SortKey,
  { descending }: DeviceSort,
): Sql {
  const way = descending ? sql`desc` : sql`asc`
  const nulls = nullable ? sql`case when ${key} is null then 1 else 0 end, ` : sql``
  return sql`${nulls}${key} ${way}, ${byCodePoints(dialect, sql.ref('t.device_id'))} ${way}`
}

/** What comes after a position. */
export function afterSql(
  dialect: SqlDialect,
  { sql: key, kind, nullable }: SortKey,
  { descending }: DeviceSort,
  { value, deviceId }: DevicePosition,
  inclusive: DeviceListRequest['inclusive'],
): Sql {
  const further = descending ? sql`<` : sql`>`
  const orSame = inclusive === true ? sql`=` : sql``
  const id = sql`${byCodePoints(dialect, sql.ref('t.device_id'))} ${further}${orSame} ${deviceId}`
  if (value === null) return nullable ? sql`${key} is null and ${id}` : sql`1 = 0`
  const bound = columnValue(dialect, kind, value)
  const among = sql`${key} ${further}= ${bound} and (${key} ${further} ${bound} or ${id})`
  return nullable ? sql`((${among}) or ${key} is null)` : among
}

import type { AnyDeviceType } from '@devicehub/core'
import type { Field } from '@devicehub/core/definition'
import type { Condition, DeviceValue } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { columnValue } from '../connection/sql-fragments.js'
import type { ValueKind } from '../rows/column-source.js'
import { valueKind } from '../rows/column-source.js'
import { deviceColumn } from '../rows/device-columns.js'
import { keepsLastValues } from '../schema/latest-table.js'
import { fieldType, type SqlDialect } from '../schema/logical-type.js'
import { LABEL_TABLE, TWIN_TABLE, tableNames } from '../schema/tables.js'
import { containsSql } from './contains-sql.js'

type Sql = RawBuilder<unknown>

/**
 * A condition on the device table `t`. It is true, or else false or null, which a WHERE takes alike; a `not` makes null
 * false first. Values are parameters, names are quoted. `rows`: whether `t` is one row or few (`one`), each of which is
 * then looked at by itself, or the devices are to be found by the condition.
 */
export function conditionSql(
  dialect: SqlDialect,
  type: AnyDeviceType,
  condition: Condition,
  rows: 'many' | 'one' = 'many',
): Sql {
  const inner = (each: Condition) => conditionSql(dialect, type, each, rows)
  switch (condition.kind) {
    case 'all':
      return joined(condition.of.map(inner), sql` and `, sql`1 = 1`)
    case 'any':
      return joined(condition.of.map(inner), sql` or `, sql`1 = 0`)
    case 'not':
      return sql`not coalesce(${inner(condition.of)}, ${columnValue(dialect, 'boolean', false)})`
    case 'search':
      return searchSql(dialect, condition.text)
    case 'inSync':
      return sql`not exists (select 1 from ${sql.table(TWIN_TABLE)} as w where w.type_key = ${type.key}
        and w.device_id = t.device_id and w.in_sync = ${columnValue(dialect, 'boolean', false)})`
    default:
      return valueSql(dialect, type, condition.value, condition, rows)
  }
}

const joined = (parts: readonly Sql[], separator: Sql, none: Sql): Sql =>
  parts.length === 0 ? none : sql`(${sql.join(parts, separator)})`

/** Whether the device `t` is among those that a statement selects of a table `l`. */
type HasRow = (of: Sql) => Sql

type ValueCondition = Condition & { readonly value: DeviceValue }

function valueSql(
  dialect: SqlDialect,
  type: AnyDeviceType,
  value: DeviceValue,
  condition: ValueCondition,
  rows: 'many' | 'one',
): Sql {
  const hasRow: HasRow =
    rows === 'one'
      ? (of) => sql`exists (${of} and l.device_id = t.device_id)`
      : (of) => sql`t.device_id in (${of})`
  switch (value.of) {
    case 'device': {
      const [name, kind] = deviceColumn(value.name)
      return testSql(dialect, sql.ref(`t.${name}`), kind, condition)
    }
    case 'state': {
      const field = Object.hasOwn(type.state, value.name) ? type.state[value.name] : undefined
      if (field === undefined) return withoutField(condition)
      return testSql(dialect, sql.ref(`t.${value.name}`), kindOf(field), condition)
    }
    case 'reading': {
      const field = Object.hasOwn(type.readings, value.name) ? type.readings[value.name] : undefined
      if (field === undefined) return withoutField(condition)
      return readingSql(dialect, type, value.name, kindOf(field), condition, hasRow)
    }
    case 'label':
      return labelSql(type, value.name, condition, hasRow)
  }
}

/** Of a field that the type does not declare: no device has a value of it. */
const withoutField = ({ kind }: ValueCondition): Sql => (kind === 'absent' ? sql`1 = 1` : sql`1 = 0`)

const kindOf = (field: Field): ValueKind => valueKind(fieldType(field))

const SIGNS = { lt: sql`<`, lte: sql`<=`, gt: sql`>`, gte: sql`>=` } as const

function testSql(dialect: SqlDialect, column: Sql, kind: ValueKind, condition: ValueCondition): Sql {
  switch (condition.kind) {
    case 'absent':
      return sql`${column} is null`
    case 'oneOf': {
      const values = condition.values.map((value) => columnValue(dialect, kind, value))
      return values.length === 0 ? sql`1 = 0` : sql`${column} in (${sql.join(values)})`
    }
    case 'compare':
      return sql`${column} ${SIGNS[condition.relation]} ${columnValue(dialect, kind, condition.with)}`
    default:
      return sql`1 = 0`
  }
}

function readingSql(
  dialect: SqlDialect,
  type: AnyDeviceType,
  name: string,
  kind: ValueKind,
  condition: ValueCondition,
  hasRow: HasRow,
): Sql {
  const { latest, reading } = tableNames(type)
  // `l` has a row for each device that has the value.
  const rows = keepsLastValues(type)
    ? sql`select l.device_id from ${sql.table(latest)} as l where ${sql.ref(`l.${name}`)} is not null`
    : sql`select l.device_id from ${sql.table(reading)} as l where ${newestWith(reading, name)}`
  if (condition.kind === 'absent') return sql`not ${hasRow(rows)}`
  return hasRow(sql`${rows} and ${testSql(dialect, sql.ref(`l.${name}`), kind, condition)}`)
}

/** Of a type that keeps no last values: the row of the samples that has the last one of a reading. */
export const newestWith = (table: string, name: string): Sql =>
  sql`l.id = (select n.id from ${sql.table(table)} as n where n.device_id = l.device_id
    and ${sql.ref(`n.${name}`)} is not null order by coalesce(n.order_at, n.timestamp) desc, n.id desc limit 1)`

function labelSql({ key }: AnyDeviceType, label: string, condition: ValueCondition, hasRow: HasRow): Sql {
  const rows = sql`select l.device_id from ${sql.table(LABEL_TABLE)} as l
    where l.type_key = ${key} and l.label = ${label}`
  if (condition.kind === 'absent') return sql`not ${hasRow(rows)}`
  if (condition.kind !== 'oneOf' || condition.values.length === 0) return sql`1 = 0`
  return hasRow(sql`${rows} and l.value in (${sql.join(condition.values)})`)
}

/** Part of the device id or the name. */
function searchSql(dialect: SqlDialect, text: string): Sql {
  const contains = (column: string) => containsSql(dialect, sql.ref(`t.${column}`), text)
  return sql`(${contains('device_id')} or ${contains('name')})`
}

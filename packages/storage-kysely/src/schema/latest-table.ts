import { createHash } from 'node:crypto'
import type { AnyDeviceType } from '@devicehub/core'
import type { Field } from '@devicehub/core/definition'
import { fieldColumn } from './field-column.js'
import type { SqlDialect } from './logical-type.js'
import { quoteName } from './quote.js'
import {
  type ColumnModel,
  column,
  optional,
  type TableFill,
  type TableModel,
  varchar,
} from './table-model.js'
import { NAME_MAX_BYTES, tableNames } from './table-names.js'

const SUFFIX = '__at'

/** The column that says when the last value of a reading was measured: `<reading>__at`, cut short where it has to be. */
export function latestTimeColumn(reading: string): string {
  if (reading.length + SUFFIX.length <= NAME_MAX_BYTES) return `${reading}${SUFFIX}`
  const hash = createHash('sha256').update(reading).digest('hex').slice(0, 12)
  return `${reading.slice(0, NAME_MAX_BYTES - SUFFIX.length - hash.length - 1)}_${hash}${SUFFIX}`
}

export const keepsLastValues = ({ options }: AnyDeviceType): boolean => options.lastValues !== false

/**
 * The table of last values: the last known value of each reading with its time, a row for each device. Finding them
 * among the samples costs more the longer ago a reading was sent. See docs/decisions/last-values-have-a-table.md.
 */
export function latestTable(type: AnyDeviceType, dialect: SqlDialect): TableModel {
  const { latest, reading } = tableNames(type)
  return {
    name: latest,
    identity: null,
    neverReuseIds: false,
    primaryKey: ['device_id'],
    // Each commit changes rows: they stay where they are, and PostgreSQL finds room for the next version on the same page.
    clustered: true,
    fillFactor: 50,
    columns: [
      column('device_id', varchar(128)),
      column('order_at', 'time'),
      column('timestamp', 'time'),
      ...type.readingNames.flatMap((name) => valueColumns(name, type.readings[name] as Field)),
    ],
    indexes: [],
    fill: { from: reading, ...fillSql(type, dialect) },
    ...(keepsLastValues(type) ? {} : { withdrawn: `${type.name} keeps no last values (lastValues: false)` }),
  }
}

function valueColumns(name: string, field: Field): ColumnModel[] {
  const value = fieldColumn(name, field)
  const time = optional(latestTimeColumn(name), 'time')
  return [value, { ...time, formerNames: value.formerNames.map(latestTimeColumn) }]
}

/**
 * Fills it from the samples of existing devices: a step into the index on (device, time) for each value, backwards to
 * the newest row that has one.
 */
function fillSql(type: AnyDeviceType, dialect: SqlDialect): Omit<TableFill, 'from'> {
  const q = (name: string) => quoteName(dialect, name)
  const r = (name: string) => `r.${q(name)}`
  const d = (name: string) => `d.${q(name)}`
  const { device, reading, latest } = tableNames(type)
  // SQLite would take an index on (timestamp, id) for the sake of the id, and go through the samples of all devices.
  const orderBy = (name: string) => (dialect === 'sqlite' && name === 'id' ? `+${r(name)}` : r(name))
  const one = (of: string, where: string, order: string) =>
    `(select ${r(of)} from ${q(reading)} as r where ${r('device_id')} = ${d('device_id')} and ${where} order by ${orderBy(order)} desc limit 1)`

  function newest(name: string): string {
    const [a, b] = [
      one('timestamp', `${r('order_at')} is null and ${r(name)} is not null`, 'timestamp'),
      one('order_at', `${r('order_at')} is not null and ${r(name)} is not null`, 'order_at'),
    ]
    if (dialect === 'postgres') return `greatest(${a}, ${b})`
    return `${dialect === 'sqlite' ? 'max' : 'greatest'}(coalesce(${a}, ${b}), coalesce(${b}, ${a}))`
  }

  function at(time: string, of: string): string {
    const has = `${r(of)} is not null`
    const inOrder = one(of, `${r('timestamp')} = ${d(time)} and ${r('order_at')} is null and ${has}`, 'id')
    return `coalesce(${inOrder}, ${one(of, `${r('order_at')} = ${d(time)} and ${has}`, 'id')})`
  }

  const names = type.readingNames.map((name) => [name, latestTimeColumn(name)] as const)
  const times = [['device_id', 'order_at'] as const, ...names].map(
    ([name, time]) => `${newest(name)} as ${q(time)}`,
  )
  const columns = ['device_id', 'order_at', 'timestamp', ...names.flat()]
  const values = [
    d('device_id'),
    d('order_at'),
    at('order_at', 'timestamp'),
    ...names.flatMap(([name, time]) => [at(time, name), d(time)]),
  ]
  return {
    sql: (target) =>
      `insert into ${q(target)} (${columns.map(q).join(', ')}) select ${values.join(', ')} from (select ${[d('device_id'), ...times].join(', ')} from ${q(device)} as d) as d where ${d('order_at')} is not null`,
    columnSql(name) {
      const time = latestTimeColumn(name)
      const set = (column: string, value: string) =>
        `update ${q(latest)} as d set ${q(column)} = ${value} where ${d(name)} is null`
      return [set(time, newest(name)), set(name, at(time, name))]
    },
  }
}

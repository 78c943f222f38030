import { columnSql, defaultSql, nameList, quoteName } from './ddl.js'
import { type SqlDialect, sqlType } from './logical-type.js'
import type { ColumnModel } from './tables.js'
import type { TypeChange } from './type-change.js'

/** The statements that change an existing column to what is declared; none if it is so already. */
export function alterColumnSql(
  dialect: SqlDialect,
  table: string,
  column: ColumnModel,
  change: { readonly type: TypeChange; readonly dropNotNull: boolean },
): string[] {
  if (change.type === 'replace') return replaceColumn(dialect, table, column)
  switch (dialect) {
    case 'sqlite':
      return alterSqlite(table, column, change)
    case 'postgres':
      return alterPostgres(table, column, change)
    case 'mysql':
      return alterMysql(table, column, change)
  }
}

type Change = Parameters<typeof alterColumnSql>[3]

function alterPostgres(table: string, column: ColumnModel, change: Change): string[] {
  const name = quoteName('postgres', column.name)
  const type = sqlType('postgres', column.type)
  const actions: string[] = []
  if (change.type === 'widen') actions.push(`alter column ${name} type ${type}`)
  // An explicit cast cuts a text off and rounds a number.
  if (change.type === 'shorten' || change.type === 'round') {
    actions.push(`alter column ${name} type ${type} using ${name}::${type}`)
  }
  if (change.dropNotNull) actions.push(`alter column ${name} drop not null`)
  return actions.length > 0 ? [`alter table ${quoteName('postgres', table)} ${actions.join(', ')}`] : []
}

function alterMysql(table: string, column: ColumnModel, change: Change): string[] {
  const name = quoteName('mysql', column.name)
  const target = quoteName('mysql', table)
  // In strict mode MODIFY refuses a text that is too long: it is cut off first.
  const cut =
    change.type === 'shorten' && column.type.kind === 'varchar'
      ? [
          `update ${target} set ${name} = left(${name}, ${column.type.length}) where char_length(${name}) > ${column.type.length}`,
        ]
      : []
  return [...cut, `alter table ${target} modify column ${columnSql('mysql', column)}`]
}

/** SQLite has no ALTER COLUMN: a new column takes over the values and the name. Types are affinities, so this is rare. */
function alterSqlite(table: string, column: ColumnModel, change: Change): string[] {
  if (change.type !== 'round' && !change.dropNotNull) return []
  const name = quoteName('sqlite', column.name)
  const target = quoteName('sqlite', table)
  const next = { ...column, name: `${column.name}__next` }
  const value = change.type === 'round' ? `cast(round(${name}) as integer)` : name
  return [
    `alter table ${target} add column ${columnSql('sqlite', next)}`,
    `update ${target} set ${nameList('sqlite', [next.name])} = ${value}`,
    `alter table ${target} drop column ${name}`,
    `alter table ${target} rename column ${quoteName('sqlite', next.name)} to ${name}`,
  ]
}

function replaceColumn(dialect: SqlDialect, table: string, column: ColumnModel): string[] {
  const target = quoteName(dialect, table)
  return [
    `alter table ${target} drop column ${quoteName(dialect, column.name)}`,
    `alter table ${target} add column ${columnSql(dialect, column)}`,
  ]
}

/** Makes an undeclared column nullable, so that rows can be written without it. */
export function dropNotNullSql(
  dialect: SqlDialect,
  table: string,
  column: { readonly name: string; readonly type: string },
): string[] {
  const name = quoteName(dialect, column.name)
  const target = quoteName(dialect, table)
  switch (dialect) {
    case 'postgres':
      return [`alter table ${target} alter column ${name} drop not null`]
    case 'mysql':
      return [`alter table ${target} modify column ${name} ${column.type} null`]
    case 'sqlite': {
      const next = quoteName(dialect, `${column.name}__next`)
      return [
        `alter table ${target} add column ${next} ${column.type} null`,
        `update ${target} set ${next} = ${name}`,
        `alter table ${target} drop column ${name}`,
        `alter table ${target} rename column ${next} to ${name}`,
      ]
    }
  }
}

/** For a description: `varchar(20) default 'offline'`. */
export function describeColumn(dialect: SqlDialect, column: ColumnModel): string {
  const value = defaultSql(dialect, column)
  return `${sqlType(dialect, column.type)}${value === null ? '' : ` default ${value}`}`
}

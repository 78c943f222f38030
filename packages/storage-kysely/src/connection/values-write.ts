import { CompiledQuery } from 'kysely'
import { type Column, type Insert, NULL_TEXT, SEPARATOR } from '../commit/columns.js'
import { quoteName } from '../schema/ddl.js'
import type { SqlDialect } from '../schema/logical-type.js'
import type { TouchGroup } from './connection.js'
import { bytesForDriver } from './sql-fragments.js'
import { upsertSql } from './upsert-sql.js'

/** SQLite's cap on parameters. */
const PARAMETERS_MAX = 32_766
const ROWS_MAX = 1000
/** A statement of MySQL has to fit `max_allowed_packet` (16 MiB or more by default). */
const BYTES_MAX = 4 * 1024 * 1024

export interface InsertStatement {
  readonly query: CompiledQuery
  readonly rows: number
}

/** INSERT ... VALUES of many rows: for MySQL, and for SQLite through a driver that is not ours. */
export function* insertSql(dialect: SqlDialect, insert: Insert): Generator<InsertStatement> {
  const { table, rows, columns } = insert
  const upsert = upsertSql(dialect, insert)
  const name = (text: string) => quoteName(dialect, text)
  const lists: (readonly unknown[])[] = []
  const listOf = (column: string) => lists[columns.findIndex((one) => one.name === column)] ?? []
  for (const column of columns)
    lists.push(column.form === 'same' ? sameAs(column, listOf) : valuesOf(column, rows))
  const head = `insert into ${name(table)} (${columns.map((column) => name(column.name)).join(', ')}) values `
  const tuple = `(${columns.map(() => '?').join(', ')})`
  const rowsMax = Math.min(ROWS_MAX, Math.max(1, Math.floor(PARAMETERS_MAX / columns.length)))
  for (let from = 0; from < rows; ) {
    const parameters: unknown[] = []
    let count = 0
    for (let bytes = 0; from + count < rows && count < rowsMax && bytes < BYTES_MAX; count++)
      for (const list of lists) {
        const value = list[from + count]
        if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length
        parameters.push(value)
      }
    const values = Array(count).fill(tuple).join(', ')
    yield { query: CompiledQuery.raw(head + values + upsert, parameters), rows: count }
    from += count
  }
}

function sameAs(
  { as, unlessNull }: Extract<Column, { form: 'same' }>,
  listOf: (column: string) => readonly unknown[],
): readonly unknown[] {
  if (unlessNull === undefined) return listOf(as)
  const condition = listOf(unlessNull)
  return listOf(as).map((value, row) => (condition[row] === null ? null : value))
}

/** One a row. */
function valuesOf(column: Exclude<Column, { form: 'same' }>, rows: number): readonly unknown[] {
  switch (column.form) {
    case 'constant':
      return new Array(rows).fill(
        column.kind === 'boolean' ? Number(column.value) : bytesForDriver(column.value),
      )
    case 'text': {
      const values: (string | null)[] = column.text.split(SEPARATOR)
      return column.nulls ? values.map((value) => (value === NULL_TEXT ? null : value)) : values
    }
    case 'numbers': {
      const values = Array.from(column.numbers)
      return column.nulls ? values.map((value) => (Number.isNaN(value) ? null : value)) : values
    }
    case 'values':
      return column.values.map(bytesForDriver)
  }
}

const TOUCHES_MAX = 250

export function* touchSql(
  dialect: SqlDialect,
  { table, deviceIds, times }: TouchGroup,
): Generator<CompiledQuery> {
  const name = quoteName(dialect, table)
  for (let from = 0; from < deviceIds.length; from += TOUCHES_MAX) {
    const ids = deviceIds.slice(from, from + TOUCHES_MAX)
    const cases = ids.map(() => 'when ? then ?').join(' ')
    const marks = ids.map(() => '?').join(', ')
    const parameters = ids.flatMap((id, index) => [id, times[from + index]])
    const latest = dialect === 'sqlite' ? 'max' : 'greatest'
    yield CompiledQuery.raw(
      `update ${name} set last_seen = ${latest}(coalesce(last_seen, case device_id ${cases} end), case device_id ${cases} end) ` +
        `where device_id in (${marks})`,
      [...parameters, ...parameters, ...ids],
    )
  }
}

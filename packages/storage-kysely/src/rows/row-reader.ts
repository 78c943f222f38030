import type { StoredValue } from '@devicehub/core/transport'
import type { ValueKind } from './column-source.js'

export type DriverRow = Readonly<Record<string, unknown>>

/** More columns than any table has. */
const ALIASES = Array.from({ length: 2_000 }, (_, index) => `c${index}`)

/** The column names of a select list: table columns could be any word, and drivers may change their case. */
export const columnAlias = (index: number): string => ALIASES[index] ?? `c${index}`

type Cell = string | number | boolean | object | null

/** Reads the values of a row by their position in the select list, whichever driver read it. */
export abstract class RowReader {
  protected abstract cell(index: number): Cell

  text(index: number): string | null {
    const value = this.cell(index)
    return value === null || typeof value === 'string' ? value : String(value)
  }

  /** An integer, a time or a fraction: some drivers return large or exact ones as text. */
  number(index: number): number | null {
    const value = this.cell(index)
    return value === null || typeof value === 'number' ? value : Number(value)
  }

  boolean(index: number): boolean | null {
    const value = this.cell(index)
    return value === null ? null : value === true || Number(value) === 1
  }

  /** A copy: drivers give a `Buffer`, or a view of what they received. */
  bytes(index: number): Uint8Array | null {
    const value = this.cell(index)
    return value instanceof Uint8Array ? new Uint8Array(value) : null
  }

  value(index: number, kind: ValueKind): StoredValue {
    switch (kind) {
      case 'text':
      case 'json':
        return this.text(index)
      case 'float':
      case 'integer':
      case 'time':
        return this.number(index)
      case 'boolean':
        return this.boolean(index)
      case 'bytes':
        return this.bytes(index)
    }
  }
}

class DriverRowReader extends RowReader {
  readonly #row: DriverRow

  constructor(row: DriverRow) {
    super()
    this.#row = row
  }

  protected cell(index: number): Cell {
    return (this.#row[columnAlias(index)] ?? null) as Cell
  }
}

export const readRow = (row: DriverRow): RowReader => new DriverRowReader(row)

/** A column of many rows: all values, or the one that each row has. */
export type Column = { readonly values: ArrayLike<unknown> } | { readonly value: unknown }

class ColumnsReader extends RowReader {
  readonly #columns: readonly Column[]
  readonly #row: number

  constructor(columns: readonly Column[], row: number) {
    super()
    this.#columns = columns
    this.#row = row
  }

  protected cell(index: number): Cell {
    const column = this.#columns[index]
    if (column === undefined) return null
    return (('values' in column ? column.values[this.#row] : column.value) ?? null) as Cell
  }
}

/** Rows that came by column, in the order of the select list. */
export const readColumns = (columns: readonly Column[], count: number): RowReader[] =>
  Array.from({ length: count }, (_, row) => new ColumnsReader(columns, row))

import type { StoredValue } from '@devicehub/core'
import type { ValueKind } from './column-source.js'

export type DriverRow = Readonly<Record<string, unknown>>

/** So many readings and state fields no table has. */
const ALIASES = Array.from({ length: 2_000 }, (_, index) => `c${index}`)

/** The names a select list gives its columns: those of the table could be any word, and drivers may change their case. */
export const columnAlias = (index: number): string => ALIASES[index] ?? `c${index}`

/** The values of a row by their place in the select list, whichever driver read it. */
export class RowReader {
  readonly #row: DriverRow

  constructor(row: DriverRow) {
    this.#row = row
  }

  text(index: number): string | null {
    const value = this.#get(index)
    return value === null || typeof value === 'string' ? value : String(value)
  }

  /** A whole number, a time or a fraction: some drivers give large or exact ones as text. */
  number(index: number): number | null {
    const value = this.#get(index)
    return value === null || typeof value === 'number' ? value : Number(value)
  }

  boolean(index: number): boolean | null {
    const value = this.#get(index)
    return value === null ? null : value === true || Number(value) === 1
  }

  bytes(index: number): Uint8Array | null {
    const value = this.#get(index)
    return value instanceof Uint8Array ? value : null
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

  #get(index: number): string | number | boolean | object | null {
    return (this.#row[columnAlias(index)] ?? null) as string | number | boolean | object | null
  }
}

export const readRow = (row: DriverRow): RowReader => new RowReader(row)

import type { StoredValue } from '@devicehub/core'
import type { ValueKind } from './column-source.js'

export type DriverRow = Readonly<Record<string, unknown>>

/** The values of a row by their place in the select list, whichever driver read it. */
export interface RowReader {
  text(index: number): string | null
  integer(index: number): number | null
  boolean(index: number): boolean | null
  bytes(index: number): Uint8Array | null
  value(index: number, kind: ValueKind): StoredValue
}

/** The names a select list gives its columns: those of the table could be any word, and drivers may change their case. */
export const columnAlias = (index: number): string => `c${index}`

export function readRow(row: DriverRow): RowReader {
  const get = (index: number) => row[columnAlias(index)] ?? null
  const text = (index: number) => {
    const value = get(index)
    return value === null ? null : String(value)
  }
  const number = (index: number) => {
    const value = get(index)
    return value === null ? null : Number(value)
  }
  const boolean = (index: number) => {
    const value = get(index)
    return value === null ? null : value === true || Number(value) === 1
  }
  const bytes = (index: number) => {
    const value = get(index)
    return value instanceof Uint8Array ? value : null
  }
  return {
    text,
    integer: number,
    boolean,
    bytes,
    value(index, kind) {
      switch (kind) {
        case 'text':
        case 'json':
          return text(index)
        case 'float':
        case 'integer':
        case 'time':
          return number(index)
        case 'boolean':
          return boolean(index)
        case 'bytes':
          return bytes(index)
      }
    },
  }
}

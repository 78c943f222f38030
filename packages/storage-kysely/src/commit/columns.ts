import type { StoredValue } from '@devicehub/core/transport'
import { checkValue } from '../rows/check-value.js'
import type { ColumnSource, SameAs, ValueKind } from '../rows/column-source.js'

/**
 * The separator between the texts of a column, and the text for null. JSON text contains neither, because it escapes
 * control characters; a column with such a text is sent as values.
 */
export const SEPARATOR = '\x1f'
export const NULL_TEXT = '\x1e'

/** The rows of one table, as columns: far cheaper to build, to copy to a worker and to send than an object per row. */
export interface Insert {
  readonly table: string
  readonly rows: number
  /** Columns that are null in every row are left out. */
  readonly columns: readonly Column[]
  /** Updates a row with the same key instead. */
  readonly upsert?: Upsert
  /** Whether the ids of the rows are returned. */
  readonly returnsIds?: boolean
}

export interface Upsert {
  readonly key: string
  /** A time after it, epoch milliseconds, is no reason to keep a value. Absent or infinite: any is. */
  readonly limit?: number
  /**
   * Columns that are updated together, when the new row's time is not earlier. A row without a time updates nothing.
   */
  readonly groups: readonly { readonly time: string; readonly columns: readonly string[] }[]
}

export type Column = ColumnHead & (SentColumn | SameColumn)
export type SentColumn = ConstantColumn | TextColumn | NumberColumn | ValuesColumn

interface ColumnHead {
  readonly name: string
  readonly kind: ValueKind
  readonly few: boolean
}
/** The same value in every row. */
interface ConstantColumn {
  readonly form: 'constant'
  readonly value: Exclude<StoredValue, null>
}
/** Joined by SEPARATOR. */
interface TextColumn {
  readonly form: 'text'
  readonly text: string
  readonly nulls: boolean
}
/** Booleans as 0 and 1, null as NaN. */
interface NumberColumn {
  readonly form: 'numbers'
  readonly numbers: Float64Array
  readonly nulls: boolean
}
/** The values of another column, which comes before it. */
interface SameColumn extends SameAs {
  readonly form: 'same'
}
/** For what the other forms cannot hold: bytes, and texts that contain a separator. */
interface ValuesColumn {
  readonly form: 'values'
  readonly values: readonly (string | Uint8Array | null)[]
}

/** Builds the columns of an insert. `storage_failed` when a value is not of its column's kind. */
export function buildInsert<Row>(
  table: string,
  sources: readonly ColumnSource<Row>[],
  rows: readonly Row[],
): Insert {
  const columns: Column[] = []
  for (const source of sources) {
    const column = sameColumn(source, sources, columns, rows) ?? buildColumn(table, source, rows)
    if (column !== null) columns.push(column)
  }
  return { table, rows: rows.length, columns }
}

function sameColumn<Row>(
  { name, kind, mostly, get }: ColumnSource<Row>,
  sources: readonly ColumnSource<Row>[],
  columns: readonly Column[],
  rows: readonly Row[],
): Column | null {
  if (mostly === undefined) return null
  const { as, unlessNull } = mostly
  const find = (of: string | undefined) => sources.find((source) => source.name === of)
  const [other, condition] = [find(as), find(unlessNull)]
  const isSent = (of: string | undefined) => of === undefined || columns.some((column) => column.name === of)
  if (other === undefined || !isSent(as) || !isSent(unlessNull)) return null
  for (const row of rows) {
    const isNull = condition !== undefined && (condition.get(row) ?? null) === null
    if ((get(row) ?? null) !== (isNull ? null : (other.get(row) ?? null))) return null
  }
  return { name, kind, few: false, form: 'same', ...mostly }
}

function buildColumn<Row>(table: string, source: ColumnSource<Row>, rows: readonly Row[]): Column | null {
  const { name, kind, get } = source
  const head = { name, kind, few: source.few ?? false }
  const first = get(rows[0] as Row) ?? null
  let same = 1
  while (same < rows.length && (get(rows[same] as Row) ?? null) === first) same++
  if (same === rows.length) {
    if (first === (source.fallback ?? null)) return null
    checkValue(table, source, first)
    return { ...head, form: 'constant', value: first }
  }
  switch (kind) {
    case 'text':
    case 'json':
      return { ...head, ...texts(table, source, rows) }
    case 'bytes':
      return { ...head, form: 'values', values: bytes(table, source, rows) }
    default:
      return { ...head, ...numbers(table, source, rows) }
  }
}

function texts<Row>(
  table: string,
  source: ColumnSource<Row>,
  rows: readonly Row[],
): TextColumn | ValuesColumn {
  const values = new Array<string>(rows.length)
  let nulls = false
  let ambiguous = false
  for (let index = 0; index < rows.length; index++) {
    const value = source.get(rows[index] as Row) ?? null
    if (value === null) {
      nulls = true
      values[index] = NULL_TEXT
    } else {
      checkValue(table, source, value)
      if (value === NULL_TEXT) ambiguous = true
      values[index] = value as string
    }
  }
  const text = values.join(SEPARATOR)
  if (ambiguous || separators(text) !== rows.length - 1)
    return { form: 'values', values: rows.map((row) => (source.get(row) ?? null) as string | null) }
  return { form: 'text', text, nulls }
}

function separators(text: string): number {
  let count = 0
  for (let at = text.indexOf(SEPARATOR); at !== -1; at = text.indexOf(SEPARATOR, at + 1)) count++
  return count
}

function numbers<Row>(table: string, source: ColumnSource<Row>, rows: readonly Row[]): NumberColumn {
  const { get } = source
  const values = new Float64Array(rows.length)
  let nulls = false
  for (let index = 0; index < rows.length; index++) {
    const value = get(rows[index] as Row) ?? null
    if (value === null) {
      nulls = true
      values[index] = Number.NaN
    } else {
      checkValue(table, source, value)
      values[index] = Number(value)
    }
  }
  return { form: 'numbers', numbers: values, nulls }
}

function bytes<Row>(table: string, source: ColumnSource<Row>, rows: readonly Row[]): (Uint8Array | null)[] {
  return rows.map((row) => {
    const value = source.get(row) ?? null
    if (value !== null) checkValue(table, source, value)
    return value as Uint8Array | null
  })
}

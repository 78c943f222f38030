import type { Column } from '../rows/row-reader.js'

/** Rows as the worker sends many of them: by column. */
export interface PackedRows {
  readonly count: number
  readonly columns: readonly PackedColumn[]
}

/** The same value in each row, numbers, texts between separators, or values as they are. */
type PackedColumn = { readonly name: string } & (
  | { readonly value: unknown }
  | { readonly numbers: Float64Array }
  | { readonly text: string }
  | { readonly values: readonly unknown[] }
)

/** As in the worker, which packs no text that holds it. */
const SEPARATOR = '\x1f'

/** The result of a query, its rows as objects whichever way they came. */
export function unpackRows(result: unknown): unknown {
  const rows = (result as { rows?: PackedRows | readonly unknown[] } | null)?.rows
  if (rows === undefined || Array.isArray(rows)) return result
  return { ...(result as object), rows: toRows(rows as PackedRows) }
}

function toRows({ count, columns }: PackedRows): Record<string, unknown>[] {
  const rows = Array.from({ length: count }, (): Record<string, unknown> => ({}))
  for (const column of columns) {
    const values = valuesOf(column)
    const constant = constantOf(column)
    for (let index = 0; index < count; index++)
      (rows[index] as Record<string, unknown>)[column.name] = values === null ? constant : values[index]
  }
  return rows
}

/** Text and numbers as they are to be read. */
export const unpackColumns = ({ columns }: PackedRows): Column[] =>
  columns.map((column) => {
    const values = valuesOf(column)
    return values === null ? { value: constantOf(column) } : { values }
  })

function valuesOf(column: PackedColumn): ArrayLike<unknown> | null {
  if ('numbers' in column) return column.numbers
  if ('text' in column) return column.text.split(SEPARATOR)
  return 'values' in column ? column.values : null
}

const constantOf = (column: PackedColumn): unknown => ('value' in column ? column.value : null)

import { createPageBudget, PAGE_BYTES, type PageRequest, ROW_BYTES } from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'
import { type RawBuilder, sql } from 'kysely'
import { asText } from '../connection/as-text.js'
import type { Connection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { and, type Selected, selectedValue, selectList } from '../connection/sql-fragments.js'
import type { ValueKind } from '../rows/column-source.js'
import { columnAlias, type RowReader, readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'

/** Most rows of a page, however small: the number of keys a statement takes. */
const ROWS_MAX = 10_000
/** Of a column, beside what its values hold. */
const CELL_BYTES = 16

/**
 * A select list whose rows fit into memory whatever they contain, in two steps. The statement leaves out long values
 * (those up to a share of the budget are included, so that ordinary rows cost one statement) and returns the size of
 * each row. `complete` then reads the rows with long values that fit on the page, by key. See
 * docs/decisions/pages-are-bounded-in-bytes.md.
 */
export interface BoundedRows {
  /** Of the table `t`: the columns in their order, then what the row holds. */
  readonly selection: RawBuilder<unknown>
  /** The same without leaving anything out, for `complete`. */
  readonly whole: RawBuilder<unknown>
  /** Rows a page at most; one more tells whether there are more. */
  readonly limit: number
  /** How many columns the selection has: what else is selected comes behind them. */
  readonly width: number
  bytesOf(row: RowReader): number
  /** The first rows that fit, at least one. */
  cut<Row extends Found>(rows: readonly Row[]): readonly Row[]
  /** Whether rows may have been left out for their bytes, of `limit` rows read. */
  endedEarly(rows: readonly unknown[], page: readonly unknown[]): boolean
  /** Each row with all of its values, in their order; without those that were deleted meanwhile. */
  complete<Row extends Found>(rows: readonly Row[], read: ReadWhole<Row>): Promise<readonly Row[]>
}

export interface Found {
  readonly row: RowReader
}

/** The whole rows of these, of which there is at least one. */
export type ReadWhole<Row> = (rows: readonly Row[]) => Promise<ReadonlyMap<Row, RowReader>>

export function boundedRows(
  dialect: SqlDialect,
  columns: readonly Selected[],
  { limit, maxBytes = PAGE_BYTES }: PageRequest,
): BoundedRows {
  const rowBytes = ROW_BYTES + CELL_BYTES * columns.length
  const most = Math.max(1, Math.min(limit, ROWS_MAX, Math.floor(maxBytes / rowBytes)))
  const wide = columns.filter((column) => column.wide)
  /** So many rows with values of this size fit. */
  const share = roundedDown(maxBytes / most / Math.max(1, wide.length))
  const { whole, guarded } = selectionsOf(dialect, columns)
  const selection = wide.length === 0 ? whole() : guarded(share)
  const heldBy = (row: RowReader) => (wide.length === 0 ? 0 : (row.number(columns.length) ?? 0))
  const bytesOf = (row: RowReader) => rowBytes + heldBy(row)

  return {
    selection,
    get whole() {
      return whole()
    },
    limit: most,
    width: columns.length + (wide.length === 0 ? 0 : 1),
    bytesOf,
    cut(rows) {
      const budget = createPageBudget(maxBytes)
      const page = rows.slice(0, most)
      const end = page.findIndex(({ row }) => !budget.takes(bytesOf(row)))
      return end === -1 ? page : page.slice(0, end)
    },
    endedEarly: (rows, page) => page.length < rows.length || (most < limit && rows.length === most),
    async complete(rows, read) {
      const long = rows.filter(({ row }) => heldBy(row) > share)
      if (long.length === 0) return rows
      const whole = await read(long)
      return rows.flatMap((found) => {
        if (heldBy(found.row) <= share) return [found]
        const row = whole.get(found)
        return row ? [{ ...found, row }] : []
      })
    },
  }
}

/** Rounded to a power of two: few different shares make few different statements. */
const roundedDown = (share: number): number => 2 ** Math.floor(Math.log2(Math.max(1, share)))

interface Selections {
  whole(): RawBuilder<unknown>
  guarded(share: number): RawBuilder<unknown>
}

const KNOWN = new WeakMap<readonly Selected[], Map<SqlDialect, Selections>>()

/** Statement texts are cached: building one costs more than running it. */
function selectionsOf(dialect: SqlDialect, columns: readonly Selected[]): Selections {
  const byDialect = KNOWN.get(columns) ?? new Map<SqlDialect, Selections>()
  KNOWN.set(columns, byDialect)
  const known = byDialect.get(dialect)
  if (known) return known
  const made = new Map<number, RawBuilder<unknown>>()
  const once = (share: number, make: () => RawBuilder<unknown>) => {
    const text = made.get(share) ?? asText(dialect, make())
    made.set(share, text)
    return text
  }
  const selections: Selections = {
    whole: () => once(0, () => selectList(dialect, columns)),
    guarded: (share) => once(share, () => guardedList(dialect, columns, share)),
  }
  byDialect.set(dialect, selections)
  return selections
}

/** The size of a text is stored beside it (PostgreSQL, SQLite), so it is known without reading the text. */
function guardedList(dialect: SqlDialect, columns: readonly Selected[], share: number): RawBuilder<unknown> {
  const bytes = ({ name }: Selected) => sql`octet_length(${sql.ref(`t.${name}`)})`
  const list = columns.map((column, index) => {
    const value = selectedValue(dialect, column)
    const shown = column.wide
      ? sql`case when ${bytes(column)} <= ${numberSql(share)} then ${value} end`
      : value
    return sql`${shown} as ${sql.ref(columnAlias(index))}`
  })
  const held = columns.filter(({ wide }) => wide).map((column) => sql`coalesce(${bytes(column)}, 0)`)
  return sql.join([...list, sql`${sql.join(held, sql` + `)} as ${sql.ref(columnAlias(columns.length))}`])
}

/** Tables whose first selected column is their id. */
export const idOf = (row: RowReader): number => row.number(0) ?? 0

export interface ListOf {
  readonly table: string
  /** The first is the id. */
  readonly columns: readonly Selected[]
  /** On the table `t`. */
  readonly conditions: readonly RawBuilder<unknown>[]
  readonly order: RawBuilder<unknown>
  readonly page: PageRequest
  /** A value to be read with each row. */
  readonly key?: { readonly sql: RawBuilder<unknown>; readonly kind: ValueKind }
  /** What finds rows beside their ids. */
  readonly near?: (rows: readonly RowReader[]) => readonly RawBuilder<unknown>[]
}

export interface ListedRows {
  readonly rows: readonly RowReader[]
  /** What `key` is of each of them; null where none was asked for. */
  readonly keys: readonly StoredValue[]
  /** Behind which the next page begins, perhaps without its long values; null at the end. */
  readonly last: RowReader | null
}

/** A page of a table that has ids. */
export async function pageOf(
  connection: Pick<Connection, 'dialect' | 'run'>,
  { table, columns, conditions, order, page, key, near }: ListOf,
): Promise<ListedRows> {
  const bounded = boundedRows(connection.dialect, columns, page)
  const also = key === undefined ? sql`` : sql`, ${key.sql} as ${sql.ref(columnAlias(bounded.width))}`
  const { rows } = await connection.run(
    sql`select ${bounded.selection}${also} from ${sql.table(table)} as t where ${and(conditions)}
      order by ${order} limit ${numberSql(bounded.limit + 1)}`,
  )
  const keyOf = (row: RowReader) => (key === undefined ? null : row.value(bounded.width, key.kind))
  const found = bounded.cut(rows.map(readRow).map((row) => ({ row, key: keyOf(row) })))
  const whole = await bounded.complete(found, (long) => readWhole(connection, table, bounded, long, near))
  return {
    rows: whole.map(({ row }) => row),
    keys: whole.map((row) => row.key),
    last: found.length < rows.length ? (found.at(-1)?.row ?? null) : null,
  }
}

/** Rows of a table by their ids. */
export async function readWhole<Row extends Found>(
  { run }: Pick<Connection, 'run'>,
  table: string,
  { whole }: BoundedRows,
  rows: readonly Row[],
  near: ListOf['near'] = () => [],
): Promise<ReadonlyMap<Row, RowReader>> {
  const ids = rows.map(({ row }) => idOf(row))
  const isOne = [sql`t.id in (${sql.join(ids)})`, ...near(rows.map(({ row }) => row))]
  const { rows: read } = await run(sql`select ${whole} from ${sql.table(table)} as t where ${and(isOne)}`)
  const byId = new Map(read.map(readRow).map((row) => [idOf(row), row]))
  return new Map(
    rows.flatMap((row) => {
      const found = byId.get(idOf(row.row))
      return found ? [[row, found] as const] : []
    }),
  )
}

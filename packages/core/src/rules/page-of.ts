import { PAGE_BYTES, type Page, type PageRequest } from '../ports/page.js'
import { createPageBudget, ROW_BYTES } from './page-bytes.js'

/** How the rows of a list are given. */
export interface Listed<Row, Item> {
  /** Absent: all rows do. */
  matches?(row: Row): boolean
  /** What the page gives of a row. */
  toItem(row: Row): Item
  /** Where a page goes on behind a row; see `writeCursor`. */
  cursorOf(row: Row): string
  /** See `bytesOf`; absent: its rows hold nothing long. */
  bytesOf?(row: Row): number
}

/** The first rows that match, as many as a page takes; the cursor is the last one's when there are more. */
export function pageOf<Row, Item>(
  rows: Iterable<Row>,
  { limit, maxBytes = PAGE_BYTES }: PageRequest,
  { matches, toItem, cursorOf, bytesOf }: Listed<Row, Item>,
): Page<Item> {
  const items: Item[] = []
  const budget = createPageBudget(maxBytes)
  let last: Row | undefined
  for (const row of rows) {
    if (matches?.(row) === false) continue
    if (items.length >= limit || !budget.takes(ROW_BYTES + (bytesOf?.(row) ?? 0)))
      return { items, cursor: last === undefined ? null : cursorOf(last) }
    items.push(toItem(row))
    last = row
  }
  return { items, cursor: null }
}

/** Of what is as long as somebody likes. */
export const bytesOf = (...values: readonly unknown[]): number => {
  let bytes = 0
  for (const value of values)
    if (typeof value === 'string') bytes += Buffer.byteLength(value)
    else if (value instanceof Uint8Array) bytes += value.length
  return bytes
}

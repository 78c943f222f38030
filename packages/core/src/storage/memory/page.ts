import type { Page } from '../../ports/storage.js'

/** The first `limit` rows that match; the cursor is the last one's when there are more. */
export function pageOf<Row, Item>(
  rows: Iterable<Row>,
  limit: number,
  matches: (row: Row) => boolean,
  toItem: (row: Row) => Item,
  cursorOf: (row: Row) => string,
): Page<Item> {
  const items: Item[] = []
  let last: Row | undefined
  for (const row of rows) {
    if (!matches(row)) continue
    if (items.length >= limit) return { items, cursor: last === undefined ? null : cursorOf(last) }
    items.push(toItem(row))
    last = row
  }
  return { items, cursor: null }
}

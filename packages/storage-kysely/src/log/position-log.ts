import { badCursor, type StoredMessage } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Connection, QueryRows } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { boundedRows, readWhole } from '../query/bounded-rows.js'
import { MESSAGE_SELECTION, storedMessage } from '../rows/message-columns.js'
import { readRow } from '../rows/row-reader.js'
import { LOG_GATE_TABLE } from '../schema/tables.js'
import { countBehind } from './count-behind.js'
import type { LogOptions, LogRequest, LogTable, TableLog } from './table-log.js'

interface TablePage extends Merged {
  readonly bytes: number
}

interface Merged {
  readonly messages: readonly StoredMessage[]
  /** Whether rows were left out because of their size. */
  readonly more: boolean
}

const NOTHING: Merged = { messages: [], more: false }

type Run = (query: RawBuilder<unknown>) => Promise<QueryRows>

/**
 * The log on SQLite and MySQL: ordered by id, with a position in each table. SQLite has one writer, so ids are
 * committed in order. On MySQL they are not: a writer locks the gate FOR SHARE until it has committed, so a reader
 * that locks it exclusively sees no gap that is still to be filled.
 */
export function positionLog(connection: Connection, { watermark = true }: LogOptions): TableLog {
  const gated = connection.dialect === 'mysql' && watermark
  /** The id up to which a table gets no more rows. */
  const settled = new Map<string, number>()

  async function lastIds(run: Run, tables: readonly LogTable[]): Promise<Map<string, number>> {
    const heads = tables.map(
      ({ name }) => sql`select ${name} as c0, coalesce(max(id), 0) as c1 from ${sql.table(name)}`,
    )
    const { rows } = await run(sql.join(heads, sql` union all `))
    return new Map(rows.map(readRow).map((row) => [row.text(0) ?? '', row.number(1) ?? 0]))
  }

  async function settle(tables: readonly LogTable[]): Promise<Map<string, number>> {
    if (!gated) return lastIds(connection.run, tables)
    return connection.transaction({ messageTables: [], messagesFirst: false }, async (transaction) => {
      await transaction.run(sql`select id from ${sql.table(LOG_GATE_TABLE)} where id = 1 for update`)
      return lastIds(transaction.run, tables)
    })
  }

  const behind = (tables: readonly LogTable[], at: Positions, ids: ReadonlyMap<string, number>) =>
    tables.filter((table) => (ids.get(table.name) ?? 0) > positionOf(at, table))

  /** Reads the limits, and which tables have unread rows. */
  async function news(tables: readonly LogTable[], at: Positions): Promise<readonly LogTable[]> {
    // Where ids are committed in order, every visible row may be read.
    if (!gated && tables.length === 1) return tables
    const ids = await lastIds(connection.run, tables)
    const found = behind(tables, at, ids)
    if (found.length === 0) return []
    if (!gated) return found
    for (const [name, id] of await settle(tables)) settled.set(name, id)
    return behind(tables, at, settled)
  }

  async function readTable(table: LogTable, after: number, page: LogRequest): Promise<TablePage> {
    const bounded = boundedRows(connection.dialect, MESSAGE_SELECTION, page)
    const until = gated ? sql`and t.id <= ${settled.get(table.name) ?? 0}` : sql``
    const rows = await connection.readMany(
      sql`select ${bounded.selection} from ${sql.table(table.name)} as t
        where t.id > ${after} ${until} order by t.id limit ${numberSql(bounded.limit)}`,
    )
    const found = bounded.cut(rows.map((row) => ({ row })))
    const whole = await bounded.complete(found, (long) => readWhole(connection, table.name, bounded, long))
    return {
      messages: whole.map(({ row }) => storedMessage(table.typeKey, row)),
      bytes: found.reduce((bytes, { row }) => bytes + bounded.bytesOf(row), 0),
      more: bounded.endedEarly(rows, found),
    }
  }

  let turns = 0

  async function readTables(
    tables: readonly LogTable[],
    at: Positions,
    { limit, maxBytes }: LogRequest,
  ): Promise<Merged> {
    // Each table gets a share, so that a busy one does not delay the others. The first row of each may exceed its
    // share of bytes.
    const share = { limit: Math.ceil(limit / tables.length), maxBytes: Math.ceil(maxBytes / tables.length) }
    const pages: TablePage[] = []
    let left = maxBytes
    const first = turns++ % Math.max(1, tables.length)
    for (const table of [...tables.slice(first), ...tables.slice(0, first)]) {
      const page = await readTable(table, positionOf(at, table), share)
      left -= page.bytes
      pages.push(page)
      if (left <= 0) break
    }
    const messages = merge(
      pages.map((page) => page.messages),
      limit,
    )
    return { messages, more: left <= 0 || pages.some(({ more }) => more) }
  }

  return {
    async read(tables, cursor, page) {
      const at = cursor === null ? new Map<string, number>() : readPositions(cursor)
      // A reader that is behind does not block writers; rows below the limit may have been deleted since.
      const known = gated ? await readTables(behind(tables, at, settled), at, page) : NOTHING
      const { messages, more } =
        known.messages.length > 0 || tables.length === 0
          ? known
          : await readTables(await news(tables, at), at, page)
      const next = new Map(at)
      for (const { typeKey, id } of messages) next.set(cursorKey(typeKey), Number(id))
      return {
        messages,
        cursor: messages.length > 0 || cursor === null ? writePositions(next) : cursor,
        ...(more && { more }),
      }
    },

    async end(tables) {
      if (tables.length === 0) return writePositions(new Map())
      const ids = await settle(tables)
      return writePositions(
        new Map(tables.map((table) => [cursorKey(table.typeKey), ids.get(table.name) ?? 0])),
      )
    },

    async seek(tables, time) {
      // The limit is read first: rows committed meanwhile come after it.
      const ids = tables.length === 0 ? new Map<string, number>() : await settle(tables)
      const at = new Map<string, number>()
      for (const { name, typeKey } of tables) {
        const end = ids.get(name) ?? 0
        const { rows } = await connection.run(
          sql`select id as c0 from ${sql.table(name)} where received_at >= ${time} and id <= ${end} order by id limit 1`,
        )
        const first = rows[0] ? readRow(rows[0]).number(0) : null
        at.set(cursorKey(typeKey), first === null ? end : first - 1)
      }
      return writePositions(at)
    },

    count: (tables, cursor, max) =>
      countBehind(connection, tables, max, (table) => ({
        behind: isBehindPositionOf(table, cursor),
        order: sql`t.id`,
      })),
  }
}

/** Rows of one table behind its position in a cursor. */
export function isBehindPositionOf(table: LogTable, cursor: string | null): RawBuilder<unknown> {
  return sql`t.id > ${cursor === null ? 0 : positionOf(readPositions(cursor), table)}`
}

/** By cursor key. A table that is missing in the cursor is read from its beginning: it was empty or not read then. */
type Positions = ReadonlyMap<string, number>

const cursorKey = (typeKey: string | null) => typeKey ?? '-'
const positionOf = (at: Positions, table: LogTable) => at.get(cursorKey(table.typeKey)) ?? 0

const PREFIX = 'p:'
const writePositions = (at: Positions) => PREFIX + [...at].map(([key, id]) => `${key}=${id}`).join(',')

function readPositions(cursor: string): Positions {
  if (!/^p:([^=,]+=(0|[1-9]\d{0,15})(,[^=,]+=(0|[1-9]\d{0,15}))*)?$/.test(cursor))
    throw badCursor('log', cursor)
  const pairs = cursor.slice(PREFIX.length).split(',').filter(Boolean)
  const at = new Map(
    pairs.map((pair) => pair.split('=') as [string, string]).map(([key, id]) => [key, Number(id)]),
  )
  // A table that is there twice would have two places.
  if (at.size < pairs.length) throw badCursor('log', cursor)
  return at
}

/** By time of arrival, without changing the order within a table. */
function merge(lists: readonly (readonly StoredMessage[])[], limit: number): StoredMessage[] {
  const places = lists.map(() => 0)
  const merged: StoredMessage[] = []
  while (merged.length < limit) {
    let next = -1
    for (let index = 0; index < lists.length; index++) {
      const head = lists[index]?.[places[index] as number]
      const best = next < 0 ? undefined : lists[next]?.[places[next] as number]
      if (head && (!best || head.receivedAt < best.receivedAt)) next = index
    }
    if (next < 0) break
    merged.push(lists[next]?.[places[next] as number] as StoredMessage)
    places[next] = (places[next] as number) + 1
  }
  return merged
}

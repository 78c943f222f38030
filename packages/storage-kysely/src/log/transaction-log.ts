import { badCursor } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { compare } from '../commit/prepare-batch.js'
import type { Connection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { timeValue } from '../connection/sql-fragments.js'
import { type BoundedRows, boundedRows, type Found, readWhole } from '../query/bounded-rows.js'
import { MESSAGE_SELECTION, storedMessage } from '../rows/message-columns.js'
import { type RowReader, readRow } from '../rows/row-reader.js'
import { quoteText } from '../schema/ddl.js'
import { countBehind } from './count-behind.js'
import type { LogOptions, LogTable, TableLog } from './table-log.js'

/** A position after a row: a transaction, a table in it, a row of the table. */
interface Place {
  readonly tx: number
  readonly table: string
  readonly id: number
}

interface LogRow extends Found {
  readonly table: LogTable
  readonly place: Place
}

const BEGINNING: Place = { tx: 0, table: '', id: 0 }
/** Greater than any table's name. */
const LAST_TABLE = '~'
/** pg_locks has the lower half of a transaction id. */
const XID_MASK = 0xffff_ffff

/**
 * The log on PostgreSQL, ordered by (transaction, table, id). A row that commits late is ordered before rows that
 * were read already, so the log is read only up to the first transaction that may still add rows.
 *
 * `pg_snapshot_xmin` names such a transaction, but it waits for every transaction of the server, even an hour-long
 * report in another database. So running transactions are ignored when they hold no writer's lock on these tables.
 * Writers take that lock before they get a transaction id (an insert does by itself, the others in
 * `lockMessageTables`) and keep it until their commit is visible.
 */
export function transactionLog(connection: Connection, { watermark = true }: LogOptions): TableLog {
  /**
   * The first transaction that may still add rows. One statement takes the snapshot first and reads the locks after
   * it. A running transaction without a lock on its own id has just begun or just ended, and counts.
   */
  async function openFrom(tables: readonly LogTable[]): Promise<number> {
    const relations = sql.join(tables.map(({ name }) => sql.raw(regclass(name))))
    const { rows } = await connection.run(
      sql`with locks as materialized (select * from pg_locks where granted),
        writers as (select virtualtransaction from locks where locktype = 'relation' and mode = 'RowExclusiveLock'
          and database = (select oid from pg_database where datname = current_database()) and relation in (${relations})),
        others as (select transactionid::text::bigint as low from locks
          where locktype = 'transactionid' and mode = 'ExclusiveLock'
            and virtualtransaction not in (select virtualtransaction from writers)),
        running as (select xid::text::bigint as xid from pg_snapshot_xip(pg_current_snapshot()) as xid)
        select least(pg_snapshot_xmax(pg_current_snapshot())::text::bigint, min(xid)) as c0 from running
          where xid & ${numberSql(XID_MASK)} not in (select low from others)`,
    )
    return rows[0] ? (readRow(rows[0]).number(0) ?? 0) : 0
  }

  /** Ordered, although any row would do: without it the planner may read the whole table to find none. */
  async function hasNews(tables: readonly LogTable[], after: Place): Promise<boolean> {
    const firsts = tables.map(
      ({ name }) =>
        sql`(select t.id from ${sql.table(name)} as t where ${isBehind(name, after)} order by t.tx, t.id limit 1)`,
    )
    const { rows } = await connection.run(sql`select coalesce(${sql.join(firsts)}, null) as c0`)
    return rows[0] !== undefined && readRow(rows[0]).number(0) !== null
  }

  /**
   * Reads the first rows of each table in index order, and returns the first of all. Rows past `before` are removed
   * afterwards: as a condition on the index, a planner without statistics would sort all unread rows for each page.
   */
  async function readRows(
    tables: readonly LogTable[],
    after: Place,
    before: number | null,
    { selection, limit }: BoundedRows,
  ): Promise<LogRow[]> {
    const parts = tables.map(
      ({ name }, place) => sql`(select ${selection}, t.tx::text::bigint as tx, ${numberSql(place)} as place
        from ${sql.table(name)} as t where ${isBehind(name, after)} order by t.tx, t.id limit ${numberSql(limit)})`,
    )
    const until = before === null ? sql`` : sql`where u.tx < ${before}`
    const { rows } = await connection.run(
      sql`select * from (${sql.join(parts, sql` union all `)}) as u ${until} order by tx, place, c0 limit ${numberSql(limit)}`,
    )
    return rows.map((raw) => {
      const row = readRow(raw)
      const table = tables[Number(raw.place)] as LogTable
      return { table, place: { tx: Number(raw.tx), table: table.name, id: row.number(0) ?? 0 }, row }
    })
  }

  /** The transaction up to which these tables get no more rows, as last read. */
  const settled = new Map<string, number>()

  /** A reader that is behind need not ask again: what had ended stays ended. */
  async function nextRows(tables: readonly LogTable[], after: Place, bounded: BoundedRows) {
    if (!watermark) return readRows(tables, after, null, bounded)
    const key = tables.map(({ name }) => name).join()
    const before = settled.get(key) ?? 0
    const known = before > after.tx ? await readRows(tables, after, before, bounded) : []
    if (known.length > 0 || !(await hasNews(tables, after))) return known
    const open = await openFrom(tables)
    settled.set(key, open)
    return readRows(tables, after, open, bounded)
  }

  /** Their long values, a table at a time. */
  async function readWholes(rows: readonly LogRow[], bounded: BoundedRows) {
    const whole = new Map<LogRow, RowReader>()
    for (const table of new Set(rows.map((row) => row.table))) {
      const of = rows.filter((row) => row.table === table)
      for (const [row, reader] of await readWhole(connection, table.name, bounded, of)) whole.set(row, reader)
    }
    return whole
  }

  return {
    async read(unordered, cursor, page) {
      const after = cursor === null ? BEGINNING : readPlace(cursor)
      // Tables within a transaction are ordered by name: the cursor says "after this table".
      const tables = [...unordered].sort((a, b) => compare(a.name, b.name))
      const bounded = boundedRows('postgres', MESSAGE_SELECTION, page)
      const rows = tables.length === 0 ? [] : await nextRows(tables, after, bounded)
      const found = bounded.cut(rows)
      const whole = await bounded.complete(found, (long) => readWholes(long, bounded))
      return {
        messages: whole.map(({ table, row }) => storedMessage(table.typeKey, row)),
        cursor: found.length > 0 || cursor === null ? writePlace(found.at(-1)?.place ?? after) : cursor,
        ...(bounded.endedEarly(rows, found) && { more: true }),
      }
    },

    async end(tables) {
      if (tables.length === 0) return writePlace(BEGINNING)
      return writePlace(lastBefore(await openFrom(tables)))
    },

    async seek(tables, time) {
      if (tables.length === 0) return writePlace(BEGINNING)
      // The limit is read first: a running transaction may add rows before those that are visible.
      const before = await openFrom(tables)
      const firsts: Place[] = []
      for (const { name } of tables) {
        const { rows } = await connection.run(
          sql`select t.tx::text::bigint as c0, t.id as c1 from ${sql.table(name)} as t
            where t.received_at >= ${timeValue('postgres', time)} and t.tx < ${String(before)}::text::xid8 order by t.tx, t.id limit 1`,
        )
        for (const row of rows.map(readRow))
          firsts.push({ tx: row.number(0) ?? 0, table: name, id: row.number(1) ?? 0 })
      }
      const [first] = firsts.sort(comparePlaces)
      return writePlace(first ? { ...first, id: first.id - 1 } : lastBefore(before))
    },

    count: (tables, cursor, max) =>
      countBehind(connection, tables, max, (table) => ({
        behind: isBehindPlaceOf(table, cursor),
        order: sql`t.tx, t.id`,
      })),
  }
}

const comparePlaces = (a: Place, b: Place) => a.tx - b.tx || compare(a.table, b.table) || a.id - b.id

/** The position after all transactions before this one. */
const lastBefore = (tx: number): Place => ({ tx: tx - 1, table: LAST_TABLE, id: 0 })

/** Rows of one table behind a cursor. */
export const isBehindPlaceOf = ({ name }: LogTable, cursor: string | null): RawBuilder<unknown> =>
  isBehind(name, cursor === null ? BEGINNING : readPlace(cursor))

/** Rows of one table behind a place, in its index on (tx, id). */
function isBehind(table: string, { tx, table: of, id }: Place): RawBuilder<unknown> {
  const xid = sql`${String(tx)}::text::xid8`
  if (table === of) return sql`(t.tx, t.id) > (${xid}, ${id})`
  return table > of ? sql`t.tx >= ${xid}` : sql`t.tx > ${xid}`
}

const regclass = (table: string) => `${quoteText('postgres', `"${table}"`)}::regclass`

const writePlace = ({ tx, table, id }: Place) => `x:${tx}.${id}.${table}`

function readPlace(cursor: string): Place {
  const match = /^x:(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})\.([^.]*)$/.exec(cursor)
  if (!match) throw badCursor('log', cursor)
  return { tx: Number(match[1]), id: Number(match[2]), table: match[3] ?? '' }
}

import { fenced, type LeaseFence } from '@devicehub/core/storage'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { CommandStep } from '../command/recent-commands.js'
import type { Column, Insert } from '../commit/columns.js'
import { distinctFences, fenceRows, requireFences } from '../lease/fences.js'
import { type DriverRow, type RowReader, readColumns } from '../rows/row-reader.js'
import { LEASE_TABLE } from '../schema/tables.js'
import { type PackedRows, unpackColumns } from '../sqlite/packed-rows.js'
import type { SqliteEngine, SqliteReader } from '../sqlite/sqlite-engine.js'
import { stepMessage } from './command-steps.js'
import {
  type Connection,
  NO_IDS,
  type QueryRows,
  type TouchGroup,
  type Transaction,
  type Writes,
  type WrittenIds,
} from './connection.js'
import { upsertSql } from './upsert-sql.js'

/** A connection through `sqliteDialect`: a commit is one message to the worker, with the rows as columns. */
export function sqliteConnection(db: Kysely<unknown>, engine: SqliteEngine): Connection {
  let started: Promise<unknown> | undefined
  const holding = async <T>(of: SqliteReader, work: () => Promise<T>): Promise<T> => {
    // Through Kysely, once: only a driver that Kysely has started is closed by `db.destroy()`.
    started ??= sql`select 1`.execute(db).catch((error) => {
      started = undefined
      throw error
    })
    await started
    const release = await of.acquire()
    try {
      return await work()
    } finally {
      release()
    }
  }
  const withConnection = <T>(work: () => Promise<T>): Promise<T> => holding(engine, work)
  const { run, readMany } = readsOf(db, engine)
  const { reader } = engine
  const reads = reader && readsOf(db, reader)
  const transact = (
    writes: Writes,
    steps: readonly CommandStep[],
    fences: readonly LeaseFence[] = [],
  ): Promise<WrittenIds | null> => {
    // Packed before waiting for the connection, while the previous commit runs.
    const message = { ...toMessage(writes), fences: fences.map(toFence), steps: stepMessage(steps) }
    return withConnection(async () => {
      const result = await engine.call<LastIds | number | false>('transact', message)
      if (result === false) return null
      if (typeof result === 'number') throw fenced(fences[result] as LeaseFence)
      return toIds(writes, result)
    })
  }
  const execute = (statement: string) => engine.call('query', { sql: statement, parameters: [] })
  const transaction: Transaction = {
    dialect: 'sqlite',
    run,
    write: async (writes) => toIds(writes, await engine.call<LastIds>('write', toMessage(writes))),
  }
  return {
    dialect: 'sqlite',
    run: (query) => withConnection(() => run(query)),
    readMany: (query) => withConnection(() => readMany(query)),
    ...(reads && {
      reader: {
        dialect: 'sqlite',
        run: (query) => holding(reader, () => reads.run(query)),
        readMany: (query) => holding(reader, () => reads.readMany(query)),
      },
    }),
    writeAtOnce: async (writes, fences) => (await transact(writes, [], fences)) ?? NO_IDS,
    settleAtOnce: transact,
    transaction: ({ fences = [] }, work) =>
      withConnection(async () => {
        await execute('begin immediate')
        try {
          if (fences.length > 0) {
            const distinct = distinctFences(fences)
            requireFences(distinct, (await run(fenceRows(distinct))).rows)
          }
          const result = await work(transaction)
          await execute('commit')
          return result
        } catch (error) {
          await execute('rollback').catch(() => undefined)
          throw error
        }
      }),
  }
}

function readsOf(db: Kysely<unknown>, engine: SqliteReader) {
  const compile = (query: RawBuilder<unknown>) => {
    const { sql: text, parameters } = query.compile(db)
    return { sql: text, parameters: parameters.map(copyBytes) }
  }
  return {
    async run(query: RawBuilder<unknown>): Promise<QueryRows> {
      const { rows, changes = 0 } = await engine.call<{ rows: DriverRow[]; changes?: number }>(
        'query',
        compile(query),
      )
      return { rows, affected: changes }
    },
    async readMany(query: RawBuilder<unknown>): Promise<RowReader[]> {
      const packed = await engine.call<PackedRows>('readColumns', compile(query))
      return readColumns(unpackColumns(packed), packed.count)
    },
  }
}

const toMessage = ({ inserts, touches }: Writes) => ({
  inserts: inserts.map((insert: Insert) => ({
    table: insert.table,
    rows: insert.rows,
    returnsIds: insert.returnsIds ?? false,
    columns: insert.columns.map(toColumn),
    suffix: upsertSql('sqlite', insert),
  })),
  touches: touches.map(toTouch),
})

/** The last id of each table; null when none was asked for. */
type LastIds = Readonly<Record<string, number>> | null

/** SQLite has one writer at a time, so the ids of a table are consecutive. */
function toIds({ inserts }: Writes, last: LastIds): WrittenIds {
  if (last === null) return NO_IDS
  const ids = new Map<string, readonly number[]>()
  for (const { table, rows } of inserts) {
    const end = last[table]
    if (end !== undefined)
      ids.set(
        table,
        Array.from({ length: rows }, (_, index) => end - rows + 1 + index),
      )
  }
  return ids
}

function toColumn(column: Column): Record<string, unknown> {
  const { name } = column
  if (column.form === 'same') return { name, as: column.as, unlessNull: column.unlessNull }
  if (column.form !== 'constant') {
    if (column.form === 'text') return { name, text: column.text, nulls: column.nulls }
    if (column.form === 'numbers') return { name, numbers: column.numbers, nulls: column.nulls }
    return { name, values: column.values.map(copyBytes) }
  }
  const { value, few } = column
  const plain = typeof value === 'boolean' ? Number(value) : value
  if (few && typeof plain === 'number') return { name, literal: String(plain) }
  if (few && typeof plain === 'string') return { name, literal: `'${plain.replaceAll("'", "''")}'` }
  return { name, value: copyBytes(plain) }
}

/** Copies bytes out of the larger buffer they are a view on: the whole buffer would be sent to the worker. */
const copyBytes = <V>(value: V): V | Uint8Array =>
  value instanceof Uint8Array ? new Uint8Array(value) : value

const toFence = ({ name, epoch }: LeaseFence) => ({
  sql: `select 1 from "${LEASE_TABLE}" where name = ? and epoch = ?`,
  parameters: [name, epoch],
})

/** The id and the time in the order of the statement's parameters: see the worker. */
const toTouch = ({ table, deviceIds, times }: TouchGroup) => ({
  sql: `update "${table}" set last_seen = ? where device_id = ? and (last_seen is null or last_seen < ?)`,
  deviceIds,
  times,
})

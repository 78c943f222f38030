import {
  type ConsumerRecord,
  type ConsumerStep,
  type ConsumerStore,
  readNumericCursor,
  writeCursor,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Connection, Transaction, TransactionOptions } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { asStored, columnValue, forUpdate, insertIfAbsent, timeValue } from '../connection/sql-fragments.js'
import { retryConflicts } from '../query/retry-conflicts.js'
import { type RowReader, readRow } from '../rows/row-reader.js'
import { CONSUMER_FAILURE_TABLE, CONSUMER_TABLE } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { consumerFailure, failureSelection, isFailure, setAsideSql } from './failure-rows.js'

/** How long a process may be silent in a transaction on a consumer, milliseconds: its successor waits for it. */
const IDLE_LIMIT = 5000

export const CONSUMER_TRANSACTION = {
  messageTables: [],
  messagesFirst: false,
  idleLimit: IDLE_LIMIT,
} as const satisfies TransactionOptions

export function createConsumerStore(connection: Connection): ConsumerStore {
  const { dialect } = connection
  const table = sql.table(CONSUMER_TABLE)
  const failureTable = sql.table(CONSUMER_FAILURE_TABLE)
  const time = (at: number) => timeValue(dialect, at)
  const run = (query: RawBuilder<unknown>) => retryConflicts(() => connection.run(query))
  const changed = async (query: RawBuilder<unknown>) => (await run(query)).affected > 0

  const selection = sql`select c.name as c0, c.type_keys as c1, c.position as c2, c.epoch as c3, c.passed as c4, c.missed as c5,
    (select count(*) from ${failureTable} as f where f.consumer = c.name) as c6,
    ${asStored(dialect, 'time', sql.ref('c.created_at'))} as c7, ${asStored(dialect, 'time', sql.ref('c.updated_at'))} as c8
    from ${table} as c`

  async function find(name: string): Promise<ConsumerRecord | null> {
    const { rows } = await run(sql`${selection} where c.name = ${name}`)
    return rows[0] ? consumerRecord(readRow(rows[0])) : null
  }

  /** Whether the update applied: `epoch` is the writer's, and the cursor was where it should be. */
  const moveSql = ({ name, epoch, from, to, passed, now }: ConsumerStep) =>
    sql`update ${table} set position = ${to}, passed = passed + ${numberSql(passed)}, updated_at = ${time(now)}
      where name = ${name} and epoch = ${epoch} and ${from === null ? sql`position is null` : sql`position = ${from}`}`

  const inTransaction = <T>(work: (transaction: Transaction) => Promise<T>) =>
    retryConflicts(() => connection.transaction(CONSUMER_TRANSACTION, work))

  async function listFailures(where: RawBuilder<unknown>, limit: number) {
    const { rows } = await run(
      sql`select ${failureSelection(dialect)} from ${failureTable} as t where ${where} order by t.id limit ${numberSql(limit)}`,
    )
    return rows.map(readRow)
  }

  return {
    list: () =>
      asStorageErrors('reading the consumers', async () => {
        const { rows } = await run(sql`${selection} order by c.name`)
        return rows.map(readRow).map(consumerRecord)
      }),

    get: (name) => asStorageErrors(`reading the consumer ${name}`, () => find(name)),

    open: ({ name, epoch, typeKeys, cursor, now }) =>
      asStorageErrors(`opening the consumer ${name}`, async () => {
        const keys = JSON.stringify(typeKeys)
        const row = sql`(name, type_keys, position, epoch, passed, missed, created_at, updated_at)
          values (${name}, ${keys}, ${columnValue(dialect, 'text', cursor)}, ${epoch}, 0, 0, ${time(now)}, ${time(now)})`
        await run(insertIfAbsent(dialect, CONSUMER_TABLE, row))
        await run(
          sql`update ${table} set epoch = ${epoch}, type_keys = ${keys} where name = ${name} and epoch <= ${epoch}`,
        )
        const record = await find(name)
        return record?.epoch === epoch ? record : null
      }),

    advance: (step) =>
      asStorageErrors(`moving the consumer ${step.name}`, () =>
        step.setAside.length === 0
          ? changed(moveSql(step))
          : inTransaction(async (transaction) => {
              if ((await transaction.run(moveSql(step))).affected === 0) return false
              for (const statement of setAsideSql(dialect, step.name, step.setAside))
                await transaction.run(statement)
              return true
            }),
      ),

    seek: (name, cursor, now) =>
      asStorageErrors(`moving the consumer ${name}`, () =>
        changed(
          sql`update ${table} set position = ${columnValue(dialect, 'text', cursor)}, updated_at = ${time(now)} where name = ${name}`,
        ),
      ),

    delete: (name) =>
      asStorageErrors(`deleting the consumer ${name}`, () =>
        inTransaction(async (transaction) => {
          const { affected } = await transaction.run(sql`delete from ${table} where name = ${name}`)
          await transaction.run(sql`delete from ${failureTable} where consumer = ${name}`)
          return affected > 0
        }),
      ),

    failures: (name, { limit, cursor }) =>
      asStorageErrors(`reading the failures of the consumer ${name}`, async () => {
        const after = cursor === undefined ? 0 : readNumericCursor('failures', cursor).key
        const rows = await listFailures(sql`t.consumer = ${name} and t.id > ${after}`, limit + 1)
        const page = rows.slice(0, limit)
        const last = rows.length > limit ? page.at(-1) : undefined
        return {
          items: page.map(consumerFailure),
          cursor: last ? writeCursor('failures', last.number(0) ?? 0, 0) : null,
        }
      }),

    requestRetry: (name, ref) =>
      asStorageErrors(`asking for retries of the consumer ${name}`, async () => {
        const { affected } = await run(
          sql`update ${failureTable} set due = ${columnValue(dialect, 'boolean', true)} where ${isFailure(name, ref)}`,
        )
        return affected
      }),

    dueRetries: (name, limit) =>
      asStorageErrors(`reading the retries of the consumer ${name}`, async () => {
        const due = sql`t.consumer = ${name} and t.due = ${columnValue(dialect, 'boolean', true)}`
        return (await listFailures(due, limit)).map(consumerFailure)
      }),

    settleRetry: ({ name, epoch }, ref, failure) =>
      asStorageErrors(`settling a retry of the consumer ${name}`, () =>
        inTransaction(async (transaction) => {
          // Locked, so that no other writer opens it before this commits.
          const { rows } = await transaction.run(
            sql`select epoch as c0 from ${table} where name = ${name} ${forUpdate(dialect)}`,
          )
          if (!rows[0] || readRow(rows[0]).number(0) !== epoch) return false
          const where = isFailure(name, ref)
          if (failure === null) await transaction.run(sql`delete from ${failureTable} where ${where}`)
          else
            await transaction.run(
              sql`update ${failureTable} set device_id = ${columnValue(dialect, 'text', failure.deviceId)}, error = ${failure.error},
                attempts = ${failure.attempts}, failed_at = ${time(failure.failedAt)}, due = ${columnValue(dialect, 'boolean', false)}
                where ${where}`,
            )
          return true
        }),
      ),

    skip: (name, ref) =>
      asStorageErrors(`skipping a message of the consumer ${name}`, () =>
        changed(sql`delete from ${failureTable} where ${isFailure(name, ref)}`),
      ),
  }
}

function consumerRecord(row: RowReader): ConsumerRecord {
  return {
    name: row.text(0) ?? '',
    typeKeys: JSON.parse(row.text(1) ?? '[]') as (string | null)[],
    cursor: row.text(2),
    epoch: row.number(3) ?? 0,
    passed: row.number(4) ?? 0,
    missed: row.number(5) ?? 0,
    failures: row.number(6) ?? 0,
    createdAt: row.number(7) ?? 0,
    updatedAt: row.number(8) ?? 0,
  }
}

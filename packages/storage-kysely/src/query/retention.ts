import type { AnyDeviceType } from '@devicehub/core'
import type { RetentionRequest, RetentionResult } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { timeValue } from '../connection/sql-fragments.js'
import { consumersByType, deleteUnread } from '../consumer/missed-rows.js'
import type { LogTable } from '../log/table-log.js'
import { readRow } from '../rows/row-reader.js'
import { COMMAND_TABLE, tableNames, UNROUTED_MESSAGE_TABLE } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { createDeleteSteps, type DeleteSteps, stepOf } from './delete-steps.js'
import { retryConflicts } from './retry-conflicts.js'

/** Deletes what was received longer ago than each type keeps it, in small steps. */
export async function applyRetention(
  connection: Connection,
  types: readonly AnyDeviceType[],
  now: number,
  { unroutedBefore, pause }: RetentionRequest = {},
): Promise<RetentionResult> {
  const steps = createDeleteSteps(pause)
  let readings = 0
  let messages = 0
  const keepsMessages =
    unroutedBefore === undefined && types.every((type) => type.options.retention?.messages === undefined)
  const consumers = keepsMessages
    ? new Map<string | null, readonly string[]>()
    : await asStorageErrors('reading the consumers', () => consumersByType(connection))
  for (const type of types) {
    const { retention } = type.options
    const names = tableNames(type)
    await asStorageErrors(`deleting old rows of ${type.name}`, async () => {
      if (retention?.readings !== undefined)
        readings += await byWindow(connection, steps, names.reading, now - retention.readings * 1000)
      if (retention?.messages !== undefined) {
        const keptFrom = now - retention.messages * 1000
        const table = { name: names.message, typeKey: type.key }
        messages += await deleteMessages(connection, steps, table, consumers.get(type.key), keptFrom)
        await deleteCommands(connection, steps, type.key, keptFrom)
      }
    })
  }
  if (unroutedBefore !== undefined)
    await asStorageErrors('deleting old rows of no type', async () => {
      const table = { name: UNROUTED_MESSAGE_TABLE, typeKey: null }
      messages += await deleteMessages(connection, steps, table, consumers.get(null), unroutedBefore)
    })
  return { readings, messages }
}

/** Deletes commands that reached their final state that long ago. */
async function deleteCommands(
  connection: Connection,
  steps: DeleteSteps,
  typeKey: string,
  keptFrom: number,
): Promise<void> {
  const { dialect } = connection
  const of = sql.table(COMMAND_TABLE)
  const limit = stepOf(dialect)
  const old = sql`finished_at is not null and finished_at < ${timeValue(dialect, keptFrom)} and type_key = ${typeKey} limit ${numberSql(limit)}`
  const statement =
    dialect === 'mysql'
      ? sql`delete from ${of} where ${old}`
      : sql`delete from ${of} where id in (select id from ${of} where ${old})`
  while (!steps.stopped && (await steps.run(() => deleted(connection, statement))) >= limit) {}
}

async function deleted(connection: Connection, statement: RawBuilder<unknown>): Promise<number> {
  return (await retryConflicts(() => connection.run(statement))).affected
}

function deleteMessages(
  connection: Connection,
  steps: DeleteSteps,
  table: LogTable,
  consumers: readonly string[] = [],
  keptFrom: number,
): Promise<number> {
  const { name } = table
  if (consumers.length === 0) return byWindow(connection, steps, name, keptFrom)
  return byWindow(connection, steps, name, keptFrom, (expired, limit) =>
    deleteUnread(connection, table, consumers, expired, limit),
  )
}

/**
 * Deletes in id order, which is nearly that of arrival (replayed messages differ). It stops at the first window
 * without old rows, and so does not read the whole table each time.
 */
async function byWindow(
  connection: Connection,
  steps: DeleteSteps,
  table: string,
  keptFrom: number,
  remove = (expired: RawBuilder<unknown>, _limit: number) =>
    deleted(connection, sql`delete from ${sql.table(table)} where ${expired}`),
): Promise<number> {
  const time = timeValue(connection.dialect, keptFrom)
  const limit = stepOf(connection.dialect)
  let total = 0
  for (let after = 0; !steps.stopped; ) {
    const { rows } = await connection.run(
      sql`select max(w.id) as c0, count(case when w.received_at < ${time} then 1 end) as c1
        from (select id, received_at from ${sql.table(table)} where id > ${after} order by id limit ${numberSql(limit)}) as w`,
    )
    const [window] = rows.map(readRow)
    const last = window?.number(0) ?? null
    const old = window?.number(1) ?? 0
    if (last === null || old === 0) break
    const expired = sql`id > ${after} and id <= ${last} and received_at < ${time}`
    total += await steps.run(() => remove(expired, limit))
    after = last
  }
  return total
}

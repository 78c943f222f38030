import type { AnyDeviceType } from '@devicehub/core'
import type { RetentionResult } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { timeValue } from '../connection/sql-fragments.js'
import { consumersByType, deleteUnread } from '../consumer/missed-rows.js'
import type { LogTable } from '../log/table-log.js'
import { readRow } from '../rows/row-reader.js'
import { COMMAND_TABLE, tableNames } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { retryConflicts } from './retry-conflicts.js'

/** Rows deleted by one statement: short transactions, between which ingest goes on. */
const DELETED_MAX = 2000
/** Rows looked at in one go. */
const WINDOW = 5000

/** Deletes what was received longer ago than each type keeps it, in small steps. */
export async function applyRetention(
  connection: Connection,
  types: readonly AnyDeviceType[],
  now: number,
): Promise<RetentionResult> {
  let readings = 0
  let messages = 0
  const keepsMessages = types.every((type) => type.options.retention?.messages === undefined)
  const consumers = keepsMessages
    ? new Map<string, readonly string[]>()
    : await asStorageErrors('reading the consumers', () => consumersByType(connection))
  for (const type of types) {
    const { retention } = type.options
    const names = tableNames(type)
    await asStorageErrors(`deleting old rows of ${type.name}`, async () => {
      if (retention?.readings !== undefined)
        readings += await byWindow(connection, names.reading, now - retention.readings * 1000, (expired) =>
          deleteInSteps(connection, names.reading, expired),
        )
      if (retention?.messages !== undefined)
        messages += await deleteMessages(
          connection,
          { name: names.message, typeKey: type.key },
          consumers.get(type.key) ?? [],
          now - retention.messages * 1000,
        )
      if (retention?.messages !== undefined)
        await deleteCommands(connection, type.key, now - retention.messages * 1000)
    })
  }
  return { readings, messages }
}

/** Deletes commands that reached their final state that long ago. */
async function deleteCommands(connection: Connection, typeKey: string, keptFrom: number): Promise<void> {
  const time = timeValue(connection.dialect, keptFrom)
  const old = sql`finished_at is not null and finished_at < ${time} and type_key = ${typeKey}`
  await deleteInSteps(connection, COMMAND_TABLE, old)
}

async function deleteInSteps(
  connection: Connection,
  table: string,
  old: RawBuilder<unknown>,
): Promise<number> {
  const of = sql.table(table)
  const limit = numberSql(DELETED_MAX)
  const statement =
    connection.dialect === 'mysql'
      ? sql`delete from ${of} where ${old} limit ${limit}`
      : sql`delete from ${of} where id in (select id from ${of} where ${old} limit ${limit})`
  return repeatWhileFull(async () => (await retryConflicts(() => connection.run(statement))).affected)
}

/** Repeats a step as long as it deletes as many rows as it may. */
async function repeatWhileFull(step: () => Promise<number>): Promise<number> {
  for (let deleted = 0; ; ) {
    const count = await step()
    deleted += count
    if (count < DELETED_MAX) return deleted
  }
}

function deleteMessages(
  connection: Connection,
  table: LogTable,
  consumers: readonly string[],
  keptFrom: number,
): Promise<number> {
  return byWindow(connection, table.name, keptFrom, (expired) =>
    consumers.length === 0
      ? deleteInSteps(connection, table.name, expired)
      : repeatWhileFull(() => deleteUnread(connection, table, consumers, expired, DELETED_MAX)),
  )
}

/**
 * Deletes in id order, which is nearly that of arrival (replayed messages differ). It stops at the first window
 * without old rows, and so does not read the whole table each time.
 */
async function byWindow(
  connection: Connection,
  table: string,
  keptFrom: number,
  remove: (expired: RawBuilder<unknown>) => Promise<number>,
): Promise<number> {
  const time = timeValue(connection.dialect, keptFrom)
  let deleted = 0
  for (let after = 0; ; ) {
    const { rows } = await connection.run(
      sql`select max(w.id) as c0, count(case when w.received_at < ${time} then 1 end) as c1
        from (select id, received_at from ${sql.table(table)} where id > ${after} order by id limit ${numberSql(WINDOW)}) as w`,
    )
    const [window] = rows.map(readRow)
    const last = window?.number(0) ?? null
    const old = window?.number(1) ?? 0
    if (last === null || old === 0) return deleted
    deleted += await remove(sql`id > ${after} and id <= ${last} and received_at < ${time}`)
    after = last
  }
}

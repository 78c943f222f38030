import { DeviceHubError, type MessageRef } from '@devicehub/core'
import type { ConsumerFailure, NewFailure } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { isMessageId } from '../commit/apply-replays.js'
import { columnValue, selectList, timeValue } from '../connection/sql-fragments.js'
import type { RowReader } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { CONSUMER_FAILURE_TABLE } from '../schema/tables.js'

/** Rows in one statement, with seven parameters each. */
const ROWS_MAX = 1000

/** The columns that a repeated failure overwrites. */
const REPLACED = ['device_id', 'error', 'attempts', 'failed_at', 'due']

/**
 * Statements that set messages aside. A message set aside before keeps its position and the time of its first
 * failure.
 */
export function* setAsideSql(
  dialect: SqlDialect,
  consumer: string,
  failures: readonly NewFailure[],
): Generator<RawBuilder<unknown>> {
  // PostgreSQL cannot update a row twice in one statement.
  const distinct = [
    ...new Map(failures.map((one) => [`${one.ref.typeKey ?? ''}:${one.ref.id}`, one])).values(),
  ]
  for (let at = 0; at < distinct.length; at += ROWS_MAX) {
    const rows = distinct.slice(at, at + ROWS_MAX).map(
      ({ ref, deviceId, error, attempts, failedAt }) =>
        sql`(${consumer}, ${ref.typeKey ?? ''}, ${messageId(ref)}, ${columnValue(dialect, 'text', deviceId)}, ${error}, ${attempts},
            ${timeValue(dialect, failedAt)}, ${timeValue(dialect, failedAt)}, ${columnValue(dialect, 'boolean', false)})`,
    )
    const fromNew = (column: string) =>
      dialect === 'mysql' ? sql`values(${sql.ref(column)})` : sql`excluded.${sql.ref(column)}`
    const replaced = sql.join(REPLACED.map((column) => sql`${sql.ref(column)} = ${fromNew(column)}`))
    const onConflict =
      dialect === 'mysql'
        ? sql`on duplicate key update`
        : sql`on conflict (consumer, type_key, message_id) do update set`
    yield sql`insert into ${sql.table(CONSUMER_FAILURE_TABLE)}
      (consumer, type_key, message_id, device_id, error, attempts, first_failed_at, failed_at, due)
      values ${sql.join(rows)} ${onConflict} ${replaced}`
  }
}

function messageId(ref: MessageRef): number {
  if (isMessageId(ref.id)) return Number(ref.id)
  throw new DeviceHubError(
    'storage_failed',
    `${ref.id} is not the id of a message: it cannot be set aside.`,
    {
      details: { ...ref },
    },
  )
}

/** The condition for one failure of a consumer, or for all with null. */
export const isFailure = (consumer: string, ref: MessageRef | null): RawBuilder<unknown> =>
  ref === null
    ? sql`consumer = ${consumer}`
    : isMessageId(ref.id)
      ? sql`consumer = ${consumer} and type_key = ${ref.typeKey ?? ''} and message_id = ${Number(ref.id)}`
      : sql`1 = 0`

export const failureSelection = (dialect: SqlDialect): RawBuilder<unknown> =>
  selectList(dialect, [
    { name: 'id', kind: 'integer' },
    { name: 'type_key', kind: 'text' },
    { name: 'message_id', kind: 'integer' },
    { name: 'device_id', kind: 'text' },
    { name: 'error', kind: 'text' },
    { name: 'attempts', kind: 'integer' },
    { name: 'first_failed_at', kind: 'time' },
    { name: 'failed_at', kind: 'time' },
    { name: 'due', kind: 'boolean' },
  ])

export const consumerFailure = (row: RowReader): ConsumerFailure => ({
  ref: { typeKey: row.text(1) || null, id: row.text(2) ?? '' },
  deviceId: row.text(3),
  error: row.text(4) ?? '',
  attempts: row.number(5) ?? 0,
  firstFailedAt: row.number(6) ?? 0,
  failedAt: row.number(7) ?? 0,
  due: row.boolean(8) ?? false,
})

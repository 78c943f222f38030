import type { AnyDeviceType } from '@devicehub/core'
import {
  type MessageFilter,
  type MessageStore,
  readNumericCursor,
  writeCursor,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { isMessageId, messageTableOfRef } from '../commit/apply-replays.js'
import type { KnownTypes } from '../commit/known-types.js'
import { messageTableOf } from '../commit/prepare-batch.js'
import type { Connection } from '../connection/connection.js'
import { and, selectList, timeValue } from '../connection/sql-fragments.js'
import { MESSAGE_SELECTION, storedMessage } from '../rows/message-columns.js'
import { readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { asStorageErrors } from '../storage-error.js'
import { idOf, pageOf } from './bounded-rows.js'
import { withinSql } from './within-sql.js'

export function createMessageStore(connection: Connection, known: KnownTypes): MessageStore {
  const { dialect } = connection
  const selection = selectList(dialect, MESSAGE_SELECTION)

  return {
    async list(type, filter, page) {
      const { cursor } = page
      if (type) known.shapeOf(type)
      if (type === null && filter.within !== undefined) return { items: [], cursor: null }
      const conditions = filterSql(dialect, type, filter)
      if (cursor !== undefined) conditions.push(sql`t.id < ${readNumericCursor('messages', cursor).key}`)
      return asStorageErrors(`reading messages of ${nameOf(type)}`, async () => {
        const { rows, last } = await pageOf(connection, {
          table: messageTableOf(type),
          columns: MESSAGE_SELECTION,
          conditions,
          order: sql`t.id desc`,
          page,
        })
        return {
          items: rows.map((row) => storedMessage(type?.key ?? null, row)),
          cursor: last === null ? null : writeCursor('messages', idOf(last), 0),
        }
      })
    },

    async get(ref, within) {
      const table = messageTableOfRef(known, ref)
      if (table === null || !isMessageId(ref.id)) return null
      const isIt = [sql`t.id = ${Number(ref.id)}`]
      if (within !== undefined) {
        const type = known.byKey(ref.typeKey)
        if (type === null) return null
        const deviceId = sql`(select m.device_id from ${sql.table(table)} as m where m.id = ${Number(ref.id)})`
        isIt.push(...withinSql(dialect, { type, within, deviceId, writtenAt: PROCESSED_AT }))
      }
      const { rows } = await asStorageErrors(`reading the message ${ref.id}`, () =>
        connection.run(sql`select ${selection} from ${sql.table(table)} as t where ${and(isIt)}`),
      )
      return rows[0] ? storedMessage(ref.typeKey, readRow(rows[0])) : null
    },
  }
}

const nameOf = (type: AnyDeviceType | null) => type?.name ?? 'no type'

/** Not when it was received: a device that registers itself is created after that. */
const PROCESSED_AT = sql`t.processed_at`

function filterSql(
  dialect: SqlDialect,
  type: AnyDeviceType | null,
  filter: MessageFilter,
): RawBuilder<unknown>[] {
  const { deviceId, status, channel, from, to, within } = filter
  const conditions: RawBuilder<unknown>[] = []
  if (deviceId !== undefined) conditions.push(sql`t.device_id = ${deviceId}`)
  if (status !== undefined) {
    conditions.push(sql`t.processing_status = ${status}`)
    // SQLite takes the partial index only when its condition is written out.
    if (status !== 'processed') conditions.push(sql`t.processing_status <> 'processed'`)
  }
  if (channel !== undefined) conditions.push(sql`t.channel = ${channel}`)
  if (from !== undefined) conditions.push(sql`t.received_at >= ${timeValue(dialect, from)}`)
  if (to !== undefined) conditions.push(sql`t.received_at < ${timeValue(dialect, to)}`)
  if (type !== null && within !== undefined)
    conditions.push(
      ...withinSql(dialect, {
        type,
        within,
        deviceId: deviceId === undefined ? undefined : sql`${deviceId}`,
        writtenAt: PROCESSED_AT,
      }),
    )
  return conditions
}

import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { MessageRef, StoredMessage } from '../model/message.js'
import type { LogPage, MessageFilter } from '../ports/messages.js'
import { PAGE_BYTES, type Page, type PageRequest } from '../ports/storage.js'
import { logPosition, readNumericCursor, writeCursor } from '../rules/cursor.js'
import { createPageBudget, ROW_BYTES } from '../rules/page-bytes.js'
import { bytesOf, pageOf } from '../rules/page-of.js'
import type { OpenedMemory } from './opened-memory.js'
import { copyValue, type MessageRow } from './tables.js'

export function listMessages(
  { messagesOf }: OpenedMemory,
  type: AnyDeviceType | null,
  filter: MessageFilter,
  page: PageRequest,
  isVisible: (message: StoredMessage) => boolean = () => true,
): Page<StoredMessage> {
  const before = page.cursor === undefined ? null : readNumericCursor('messages', page.cursor).key
  const rows = messagesOf(type).descending(undefined, (row) => before !== null && row.position >= before)
  return pageOf(rows, page, {
    matches: ({ message }) => matches(message, filter) && isVisible(message),
    toItem: given,
    cursorOf: (row) => writeCursor('messages', row.position, 0),
    bytesOf: bytesOfMessage,
  })
}

const matches = (message: StoredMessage, { deviceId, status, channel, from, to }: MessageFilter): boolean =>
  (deviceId === undefined || message.deviceId === deviceId) &&
  (status === undefined || message.status === status) &&
  (channel === undefined || message.channel === channel) &&
  (from === undefined || message.receivedAt >= from) &&
  (to === undefined || message.receivedAt < to)

export function findMessage(opened: OpenedMemory, ref: MessageRef): MessageRow | null {
  const list =
    ref.typeKey === null ? opened.telemetry.untyped : opened.telemetry.tables.get(ref.typeKey)?.messages
  const position = Number(ref.id)
  for (const row of list?.ascending((row) => row.position >= position) ?? [])
    return row.message.id === ref.id ? row : null
  return null
}

export function getMessage(opened: OpenedMemory, ref: MessageRef): StoredMessage | null {
  const row = findMessage(opened, ref)
  return row && given(row)
}

/** The position is one counter over all tables, so that the cursor is one number. */
export function readLog(
  { messagesOf }: OpenedMemory,
  types: readonly (AnyDeviceType | null)[],
  cursor: string | null,
  limit: number,
  maxBytes: number = PAGE_BYTES,
): LogPage {
  const after = logPosition(cursor)
  const found = types
    .flatMap((type) =>
      firstOf(
        messagesOf(type).ascending((row) => row.position > after),
        limit,
      ),
    )
    .sort((a, b) => a.position - b.position)
    .slice(0, limit)
  const budget = createPageBudget(maxBytes)
  const end = found.findIndex((row) => !budget.takes(ROW_BYTES + bytesOfMessage(row)))
  const rows = end === -1 ? found : found.slice(0, end)
  const last = rows.at(-1)
  return {
    messages: rows.map(given),
    cursor: last || cursor === null ? logCursor(last?.position ?? 0) : cursor,
    ...(end === -1 ? {} : { more: true }),
  }
}

export const endOfLog = ({ telemetry }: OpenedMemory): string => logCursor(telemetry.position)

export const seekLog = (
  opened: OpenedMemory,
  types: readonly (AnyDeviceType | null)[],
  time: number,
): string => {
  const firsts = types.flatMap((type) => {
    for (const row of opened.messagesOf(type).ascending())
      if (row.message.receivedAt >= time) return row.position
    return []
  })
  return firsts.length === 0 ? endOfLog(opened) : logCursor(Math.min(...firsts) - 1)
}

export function countLog(
  { messagesOf }: OpenedMemory,
  types: readonly (AnyDeviceType | null)[],
  cursor: string | null,
  max: number,
): number {
  const after = logPosition(cursor)
  let count = 0
  for (const type of types)
    for (const _ of messagesOf(type).ascending((row) => row.position > after)) if (++count >= max) return max
  return count
}

const logCursor = (position: number) => writeCursor('log', position, 0)

const bytesOfMessage = ({ message }: MessageRow) =>
  bytesOf(message.topic, message.payloadJson, message.payloadRaw, message.userProperties)

const given = ({ message }: MessageRow): StoredMessage => ({
  ...message,
  payloadRaw: copyValue(message.payloadRaw),
})

function firstOf<T>(items: Iterable<T>, limit: number): T[] {
  const first: T[] = []
  for (const item of items) if (first.push(item) >= limit) break
  return first
}

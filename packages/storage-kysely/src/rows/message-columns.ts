import type { Channel, MessageRef, MessageStatus } from '@devicehub/core'
import type { MessageDirection, NewMessage } from '@devicehub/core/definition'
import type { StoredMessage } from '@devicehub/core/storage'
import type { ColumnSource } from './column-source.js'
import type { RowReader } from './row-reader.js'

/** A message to be written, with what became of it. */
export interface MessageRow {
  readonly message: NewMessage
  readonly replayOf: MessageRef | undefined
}

export const MESSAGE_COLUMNS: readonly ColumnSource<MessageRow>[] = [
  { name: 'device_id', kind: 'text', get: (row) => row.message.deviceId },
  { name: 'channel', kind: 'text', few: true, get: (row) => row.message.channel },
  { name: 'direction', kind: 'text', few: true, get: (row) => row.message.direction },
  { name: 'topic', kind: 'text', wide: true, get: (row) => row.message.topic },
  { name: 'payload_json', kind: 'json', wide: true, get: (row) => row.message.payloadJson },
  { name: 'payload_raw', kind: 'bytes', wide: true, get: (row) => row.message.payloadRaw },
  { name: 'content_type', kind: 'text', get: (row) => row.message.contentType },
  { name: 'correlation_id', kind: 'text', get: (row) => row.message.correlationId },
  { name: 'user_properties', kind: 'json', wide: true, get: (row) => row.message.userProperties },
  { name: 'source', kind: 'text', get: (row) => row.message.source },
  { name: 'qos', kind: 'integer', few: true, get: (row) => row.message.qos },
  { name: 'redelivered', kind: 'boolean', few: true, get: (row) => row.message.redelivered },
  { name: 'retained', kind: 'boolean', few: true, get: (row) => row.message.retained },
  { name: 'processing_status', kind: 'text', few: true, get: (row) => row.message.status },
  { name: 'error_code', kind: 'text', get: (row) => row.message.code },
  { name: 'processing_error', kind: 'text', get: (row) => row.message.reason },
  { name: 'flags', kind: 'text', get: (row) => row.message.flags },
  {
    name: 'replay_of',
    kind: 'text',
    get: ({ replayOf }) => (replayOf && `${replayOf.typeKey ?? ''}:${replayOf.id}`) || null,
  },
  { name: 'received_at', kind: 'time', get: (row) => row.message.receivedAt },
  { name: 'processed_at', kind: 'time', get: (row) => row.message.processedAt },
]

/** In the order of the select list. */
export const MESSAGE_SELECTION: readonly Pick<ColumnSource<never>, 'name' | 'kind' | 'wide'>[] = [
  { name: 'id', kind: 'integer' },
  ...MESSAGE_COLUMNS.filter(({ name }) => name !== 'replay_of'),
]

export function storedMessage(typeKey: string | null, row: RowReader): StoredMessage {
  return {
    id: String(row.number(0)),
    typeKey,
    deviceId: row.text(1),
    channel: row.text(2) as Channel | null,
    direction: row.text(3) as MessageDirection,
    topic: row.text(4) ?? '',
    payloadJson: row.text(5),
    payloadRaw: row.bytes(6),
    contentType: row.text(7),
    correlationId: row.text(8),
    userProperties: row.text(9),
    source: row.text(10) ?? '',
    qos: (row.number(11) ?? 0) as 0 | 1 | 2,
    redelivered: row.boolean(12) ?? false,
    retained: row.boolean(13) ?? false,
    status: row.text(14) as MessageStatus,
    code: row.text(15),
    reason: row.text(16),
    flags: row.text(17),
    receivedAt: row.number(18) ?? 0,
    processedAt: row.number(19) ?? 0,
  }
}

import { accept, optional, options, text, word } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { MESSAGE_STATUSES } from '../model/message.js'
import { CHANNELS } from '../model/topic/index.js'
import { toMessageInfo } from '../rules/message-info.js'
import type { ApiStorage } from './api-storage.js'
import { badExportCursor, isUpTo, readExportCursor, writeExportCursor } from './export-cursor.js'
import type { Export, ExportedMessage, MessageExportQuery } from './export-request.js'
import { RANGE } from './rules.js'

const CALL = 'messages.export'
const LIST = 'messages'
/** Rows of a page, which is in memory. */
const PAGE_ROWS = 1_000

const QUERY = options<MessageExportQuery>({
  ...RANGE,
  status: optional(word(...MESSAGE_STATUSES)),
  channel: optional(word(...CHANNELS)),
  after: optional(text({ max: 2_048 })),
})

const COLUMNS = [
  'id',
  'type_key',
  'device_id',
  'channel',
  'direction',
  'topic',
  'payload_json',
  'payload_raw',
  'content_type',
  'correlation_id',
  'user_properties',
  'source',
  'qos',
  'redelivered',
  'retained',
  'status',
  'code',
  'reason',
  'flags',
  'received_at',
  'processed_at',
]

/** Newest first, as `messages.list`. What comes in meanwhile is newer, and so not in it. */
export function exportMessages(
  { messages }: Pick<ApiStorage, 'messages'>,
  type: AnyDeviceType | null,
  query: MessageExportQuery,
): Export<ExportedMessage> {
  const { after, from, to, ...rest } = accept(CALL, 'query', QUERY, query, 'invalid_query')
  const filter = {
    ...rest,
    ...(from === undefined ? {} : { from: from.getTime() }),
    ...(to === undefined ? {} : { to: to.getTime() }),
  }
  const typeKey = type?.key ?? ''
  const start = after === undefined ? null : placeOf(typeKey, after)

  async function* rows(): AsyncGenerator<ExportedMessage> {
    let cursor = start?.page
    for (let isReached = start === null; ; ) {
      const page = await messages.list(type, filter, { limit: PAGE_ROWS, cursor })
      for (const stored of page.items) {
        // The row of the cursor may be gone.
        const isBehind = isReached || isUpTo(start?.id ?? '', stored.id) === false
        isReached = isBehind || stored.id === start?.id
        if (isBehind)
          yield {
            ...toMessageInfo(stored),
            cursor: writeExportCursor(LIST, typeKey, cursor ?? '', stored.id),
          }
      }
      if (page.cursor === null) return
      cursor = page.cursor
    }
  }

  return { columns: COLUMNS.map((name) => ({ name, isJson: false })), [Symbol.asyncIterator]: rows }
}

/** The page of the row, by its cursor, and the row in it. */
function placeOf(typeKey: string, after: string) {
  const [of, page, id = ''] = readExportCursor(CALL, LIST, 3, after)
  if (of !== typeKey) throw badExportCursor(CALL)
  return { page: page === '' ? undefined : page, id }
}

import { isRecord } from './is-record.js'
import { isTextWithin, toLine } from './text.js'
import type { DataRefusal } from './unreadable.js'

export const REPLY_STATUSES = ['accepted', 'succeeded', 'failed', 'rejected'] as const
export type ReplyStatus = (typeof REPLY_STATUSES)[number]

export const COMMAND_ID_MAX_LENGTH = 64
const ERROR_MAX_LENGTH = 1000

/** What a device says of a command. */
export interface Reply {
  readonly id: string
  readonly status: ReplyStatus
  /** As decoded; undefined when there was none. */
  readonly result: unknown
  readonly error: string | null
}

/** A decoded `response` payload. `correlationId`: of MQTT 5, stands in for an id that is missing. Never throws. */
export function parseReply(value: unknown, correlationId: string | undefined): Reply | DataRefusal {
  if (!isRecord(value)) return unreadable
  const { status, result, error } = value
  const id = value.id ?? correlationId
  if (typeof id !== 'string' || id === '' || !isTextWithin(id, COMMAND_ID_MAX_LENGTH)) return unreadable
  const word = replyStatus(status)
  if (word === undefined) return unreadable
  return { id, status: word, result, error: errorText(error) }
}

/** Whatever its case, and blanks around it. */
function replyStatus(raw: unknown): ReplyStatus | undefined {
  if (typeof raw !== 'string' || raw.length > WORD_MAX) return undefined
  const word = raw.trim().toLowerCase()
  return REPLY_STATUSES.find((status) => status === word)
}

const WORD_MAX = 64

const unreadable: DataRefusal = {
  code: 'invalid_shape',
  reason: `a response must be an object such as {"id": "...", "status": "succeeded", "result": {}}; the status is one of ${REPLY_STATUSES.join(', ')}, and the id that of the command`,
}

/** A text in a line that every database holds; what else a device sends as its error is kept as JSON. */
function errorText(error: unknown): string | null {
  if (error === undefined || error === null) return null
  let text: string | undefined
  try {
    text = typeof error === 'string' ? error : JSON.stringify(error)
  } catch {
    // A codec can give what JSON cannot hold.
  }
  return toLine(text ?? 'an error that is no text', ERROR_MAX_LENGTH)
}

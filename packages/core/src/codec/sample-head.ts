import { parseTimestamp } from './parse-timestamp.js'
import { isTextWithin } from './text.js'

export const SAMPLE_ID_MAX_LENGTH = 128

/** What a payload says of itself, next to its values. */
export interface Head {
  /** Measured time in epoch milliseconds; null when absent or malformed: the received time counts. */
  readonly timestamp: number | null
  readonly id: string | null
  /** `bad_timestamp`, `bad_id`: present and unusable. The data is kept without. */
  readonly flags: readonly string[]
}

const NO_FLAGS: readonly string[] = Object.freeze([])
const BAD_TIMESTAMP: readonly string[] = Object.freeze(['bad_timestamp'])
const BAD_ID: readonly string[] = Object.freeze(['bad_id'])
const BAD_BOTH: readonly string[] = Object.freeze(['bad_timestamp', 'bad_id'])

export function readHead(record: Readonly<Record<string, unknown>>): Head {
  const { timestamp: rawTimestamp, id: rawId } = record
  const hasTimestamp = rawTimestamp !== undefined && rawTimestamp !== null
  const timestamp = hasTimestamp ? (parseTimestamp(rawTimestamp) ?? null) : null
  const hasId = rawId !== undefined && rawId !== null
  const id = hasId ? parseId(rawId) : null
  const badTimestamp = hasTimestamp && timestamp === null
  const badId = hasId && id === null
  const flags = badTimestamp ? (badId ? BAD_BOTH : BAD_TIMESTAMP) : badId ? BAD_ID : NO_FLAGS
  return { timestamp, id, flags }
}

/** A text of 1 to 128 characters, or a whole number: counters make good ids. */
function parseId(id: unknown): string | null {
  if (typeof id === 'string') return id !== '' && isTextWithin(id, SAMPLE_ID_MAX_LENGTH) ? id : null
  return Number.isSafeInteger(id) ? String(id) : null
}

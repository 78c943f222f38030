import { fineFraction } from './fraction.js'
import { parseTimestamp } from './parse-timestamp.js'
import { isTextWithin } from './text.js'
import type { WallClock } from './time-zone.js'

export const SAMPLE_ID_MAX_LENGTH = 128

/** What a payload says of itself, next to its values. */
export interface Head {
  /** The time it claims, in epoch milliseconds; null when absent or unreadable. Whether it can be true is not looked at. */
  readonly timestamp: number | null
  /** The decimals of its second where they go further than the millisecond; absent otherwise. */
  readonly fraction?: string
  /** The id it carries; null when absent or unusable. */
  readonly id: string | null
  /** `bad_timestamp`, `bad_id`: present and unusable. */
  readonly flags: readonly string[]
}

/** `receivedAt`, epoch milliseconds: by it a local time that exists twice is the one of now. */
export type HeadReader = (record: Readonly<Record<string, unknown>>, receivedAt?: number) => Head

export interface HeadOptions {
  /** Name of the field that is the sample's id; null: samples have none. */
  readonly id: string | null
  /** Name of the field that says when it was measured; null: nothing does. */
  readonly timestamp: string | null
  /** For times without a zone; default UTC. */
  readonly wallClock?: WallClock | undefined
}

export const ID_FIELD = 'id'
export const TIMESTAMP_FIELD = 'timestamp'

const NO_FLAGS: readonly string[] = Object.freeze([])
const BAD_TIMESTAMP: readonly string[] = Object.freeze(['bad_timestamp'])
const BAD_ID: readonly string[] = Object.freeze(['bad_id'])
const BAD_BOTH: readonly string[] = Object.freeze(['bad_timestamp', 'bad_id'])

/** Made once a type. */
export function compileHead({ id: idField, timestamp: timestampField, wallClock }: HeadOptions): HeadReader {
  return (record, receivedAt) => {
    const rawTimestamp = timestampField === null ? undefined : record[timestampField]
    const rawId = idField === null ? undefined : record[idField]
    const hasTimestamp = rawTimestamp !== undefined && rawTimestamp !== null
    const timestamp = hasTimestamp ? (parseTimestamp(rawTimestamp, wallClock, receivedAt) ?? null) : null
    const hasId = rawId !== undefined && rawId !== null
    const id = hasId ? parseId(rawId) : null
    const badTimestamp = hasTimestamp && timestamp === null
    const badId = hasId && id === null
    const flags = badTimestamp ? (badId ? BAD_BOTH : BAD_TIMESTAMP) : badId ? BAD_ID : NO_FLAGS
    const fraction = timestamp === null ? '' : fineFraction(rawTimestamp)
    return fraction === '' ? { timestamp, id, flags } : { timestamp, fraction, id, flags }
  }
}

/** `timestamp` and `id`. */
export const readHead: HeadReader = compileHead({ id: ID_FIELD, timestamp: TIMESTAMP_FIELD })

/** A text of 1 to 128 characters, or a whole number: counters make good ids. */
function parseId(id: unknown): string | null {
  if (typeof id === 'string') return id !== '' && isTextWithin(id, SAMPLE_ID_MAX_LENGTH) ? id : null
  return Number.isSafeInteger(id) ? String(id) : null
}

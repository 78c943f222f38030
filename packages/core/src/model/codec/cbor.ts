import { decode, encode, type TagDecodeControl, Token, Type } from 'cborg'
import { DeviceHubError } from '../errors.js'
import { holdsMoreItemsThan } from './cbor-size.js'
import type { Codec } from './codec.js'
import { fineFraction } from './fraction.js'
import { parseTimestamp } from './parse-timestamp.js'
import { errorLine } from './text.js'

/** RFC 8949, section 3.4. */
const TAG_TIME_TEXT = 0
const TAG_TIME_EPOCH = 1
const TAG_SELF_DESCRIBED = 55_799

/** A backfill of 10,000 samples with 20 readings each has fewer, keys included or not. */
const ITEMS_MAX = 500_000

/** Either time tag; seconds whatever their size, unlike an untagged number. As text where a `Date` is not fine enough. */
function readTime(read: TagDecodeControl): Date | string {
  const content = read()
  const ms = typeof content === 'number' ? Math.round(content * 1000) : parseTimestamp(content)
  if (ms === undefined || !Number.isFinite(ms))
    throw new TypeError('a CBOR time holds neither RFC 3339 text nor seconds')
  const fraction = fineFraction(content)
  if (fraction === '') return new Date(ms)
  if (typeof content === 'string') return content
  return `${new Date(Math.floor(content as number) * 1000).toISOString().slice(0, 19)}.${fraction}Z`
}

const decodeOptions = {
  coerceUndefinedToNull: true,
  rejectDuplicateMapKeys: true,
  tags: {
    [TAG_TIME_TEXT]: readTime,
    [TAG_TIME_EPOCH]: readTime,
    [TAG_SELF_DESCRIBED]: (read: TagDecodeControl): unknown => read(),
  },
}

const encodeOptions = {
  // As JSON does: a member that is undefined is absent, a Date is its text.
  ignoreUndefinedProperties: true,
  typeEncoders: { Date: (date: Date) => new Token(Type.string, date.toISOString()) },
}

/**
 * CBOR (RFC 8949) instead of JSON: about half the size, and binary readings travel as bytes.
 *
 * @example
 * import { defineDeviceType, reading } from '@devicehub/core'
 * import { cborCodec } from '@devicehub/core/cbor'
 *
 * const Meter = defineDeviceType('meter', { codec: cborCodec, readings: { waveform: reading.binary() } })
 */
export const cborCodec: Codec = Object.freeze({
  name: 'cbor',
  contentType: 'application/cbor',
  decode: (payload: Uint8Array): unknown => asPayload(() => decodeBounded(payload)),
  encode: (value: unknown): Uint8Array => asPayload(() => encode(value, encodeOptions)),
})

function decodeBounded(payload: Uint8Array): unknown {
  if (holdsMoreItemsThan(payload, ITEMS_MAX))
    throw new RangeError(`it holds more than ${ITEMS_MAX} values; send large arrays as binary readings`)
  return decode(payload, decodeOptions)
}

/** What the library throws says what is wrong with the bytes or the value. */
function asPayload<T>(run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw new DeviceHubError('invalid_payload', `not CBOR: ${errorLine(cause, 200)}`, { cause })
  }
}

import { isUtf8 } from 'node:buffer'
import type { Codec } from '../model/codec/codec.js'
import { jsonCodec } from '../model/codec/json.js'
import { nestsDeeperThan } from '../model/codec/json-depth.js'
import { readJson, trimJson } from '../model/codec/json-text.js'
import { statusWord } from '../model/codec/parse-status.js'
import { decodeWith } from '../model/codec/run-codec.js'
import { errorLine } from '../model/codec/text.js'
import type { Channel } from '../model/topic/index.js'
import type { InboundMessage } from '../ports/transport.js'
import type { Refusal } from './ingest.js'

export interface DecodedPayload {
  readonly value: unknown
  /** What the audit row keeps: the text of JSON (without what surrounds it), else the bytes. */
  readonly json: string | null
  readonly raw: Uint8Array | null
  readonly refusal: Refusal | null
}

const EMPTY: DecodedPayload = {
  value: undefined,
  json: null,
  raw: null,
  refusal: { code: 'empty_payload', reason: 'the payload has no bytes' },
}

interface Place {
  readonly deviceId: string
  readonly channel: Channel
}

/**
 * Reads the payload of a type's message; the audit row keeps it whether it could be read or not. A status may be its word
 * alone, whatever the codec: wills are often fixed in firmware (`online`, `Offline`).
 */
export function decodePayload(
  codec: Codec,
  message: InboundMessage,
  place: Place,
  receivedAt: number,
): DecodedPayload {
  const decoded = decodeByCodec(codec, message, place, receivedAt)
  if (decoded.refusal === null || place.channel !== 'status') return decoded
  const word = plainStatus(message.payload)
  return word === undefined ? decoded : { ...decoded, value: word, refusal: null }
}

/** Bytes; longer than any status with its padding. */
const WORD_MAX = 64

/** Of a payload that is a status and nothing else. */
export const plainStatus = (payload: Uint8Array): string | undefined =>
  payload.byteLength > WORD_MAX ? undefined : statusWord(trimJson(asBuffer(payload).toString('utf8')))

function decodeByCodec(
  codec: Codec,
  message: InboundMessage,
  { deviceId, channel }: Place,
  receivedAt: number,
): DecodedPayload {
  if (message.payload.byteLength === 0) return EMPTY
  if (codec === jsonCodec) return decodeJson(message.payload)
  try {
    const { topic, contentType } = message
    const context = { deviceId, channel, receivedAt: new Date(receivedAt), topic, contentType }
    const value = decodeWith(codec, message.payload, context)
    return { value, json: null, raw: message.payload, refusal: null }
  } catch (error) {
    const reason = `the codec ${codec.name} cannot read the payload: ${describe(error)}`
    return { value: undefined, json: null, raw: message.payload, refusal: { code: 'undecodable', reason } }
  }
}

/** Bytes; what is shorter is parsed in no time, however deep. */
const DEEP_FROM = 4_096
/** Far more than can be stored of any reading. */
const DEPTH_MAX = 512

export function decodeJson(payload: Uint8Array): DecodedPayload {
  if (payload.byteLength === 0) return EMPTY
  const refused = (reason: string): DecodedPayload => ({
    value: undefined,
    json: null,
    raw: payload,
    refusal: { code: 'invalid_json', reason },
  })
  if (!isUtf8(payload)) return refused('the payload is not UTF-8 text')
  if (payload.byteLength > DEEP_FROM && nestsDeeperThan(payload, DEPTH_MAX))
    return refused(`the payload nests deeper than ${DEPTH_MAX} levels`)
  const json = trimJson(asBuffer(payload).toString('utf8'))
  try {
    const { value, isJson } = readJson(json)
    // Databases and readers of the audit row take JSON for what it is.
    return { value, ...(isJson ? { json, raw: null } : { json: null, raw: payload }), refusal: null }
  } catch (error) {
    return refused(describe(error))
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The message of a parser can quote the payload. */
const describe = (error: unknown) => errorLine(error, 200)

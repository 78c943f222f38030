import { isList } from '../model/check/index.js'
import { isStorableText, toLine } from '../model/codec/text.js'
import { DeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { InboundMessage } from '../ports/transport.js'
import { createReceipts, type Receipt } from './receipt.js'

/** A message whose envelope any storage takes. */
export interface CheckedMessage {
  readonly message: InboundMessage
  /** Now, when it does not say. */
  readonly receipt: Receipt
  /** `bad_envelope:<part>`, one for each part that was left out or put right; null: none. */
  readonly flags: string | null
}

/** `invalid_options` for what is no message at all, so that its caller is told; for anything else a message. */
export type EnvelopeCheck = (message: InboundMessage) => CheckedMessage | DeviceHubError

/** Characters. The columns of the first two hold as much; the others are texts without a bound of their own. */
const SOURCE_MAX = 128
const TOPIC_MAX = 65_535
const PROPERTY_MAX = 1_024
/** Of user properties: together with their names, and how many. */
const PROPERTIES_MAX_CHARACTERS = 16_384
const PROPERTIES_MAX = 128
/** The end of the year 9999: behind it databases and drivers write a time in different ways. */
const TIME_MAX = 253_402_300_799_999

const UNKNOWN_SOURCE = 'unknown'
const NO_BYTES = new Uint8Array()

/**
 * Looks at what a message brings beside its payload. A sender of MQTT chooses topic, content type, correlation data and
 * user properties; the code that hands the message over chooses the rest. What cannot be stored is left out and named in
 * a flag, so that the database refuses no message for its envelope. A message that is as it should be costs a few
 * comparisons and is passed on as it is.
 */
export function createEnvelopeCheck(clock: Clock): EnvelopeCheck {
  const receiptOf = createReceipts(clock)
  let goodSource = ''

  function isGoodSource(source: unknown): boolean {
    if (source === goodSource) return goodSource !== ''
    if (!isText(source, SOURCE_MAX) || source === '') return false
    goodSource = source as string
    return true
  }

  /** Null for what is no time that any storage takes. Epoch milliseconds are as good as a `Date`. */
  function timeOf(given: unknown): number | null {
    if (given === undefined) return clock.now()
    const time = given instanceof Date ? Number(given) : given
    return isTime(time) ? time : null
  }

  function isAsItShouldBe(message: InboundMessage): boolean {
    const { topic, payload, source, qos, redelivered, retained, fence } = message
    return (
      payload instanceof Uint8Array &&
      isText(topic, TOPIC_MAX) &&
      isGoodSource(source) &&
      (qos === 1 || qos === 0 || qos === 2 || qos === undefined) &&
      isFlag(redelivered) &&
      isFlag(retained) &&
      (fence === undefined || isFence(fence)) &&
      (message.contentType === undefined || isText(message.contentType, PROPERTY_MAX)) &&
      (message.correlationId === undefined || isText(message.correlationId, PROPERTY_MAX)) &&
      // They are copied, since they are written as JSON later, and may give something else then, or throw.
      message.userProperties === undefined
    )
  }

  function putRight(message: InboundMessage, receivedAt: number | null): CheckedMessage | DeviceHubError {
    const bad: string[] = []
    /** What fits as it is; else what takes its place, and the part's name in the flags. */
    const take = <T>(part: string, value: T, fits: boolean, instead: T): T => {
      if (fits) return value
      bad.push(`bad_envelope:${part}`)
      return instead
    }
    // Each is read once: a getter may give something else the second time.
    const { topic, payload, source, qos, redelivered, retained, fence } = message
    const { contentType, correlationId, userProperties } = message
    if (topic === undefined && payload === undefined) return noMessage(message)
    if (fence !== undefined && !isFence(fence))
      return new DeviceHubError(
        'invalid_options',
        'the fence of a message must be the { name, epoch } of a lease; leave it out, or pass on that of the lease',
      )
    const bytes = bytesOf(payload)
    const properties = userProperties === undefined ? undefined : propertiesOf(userProperties)
    const time = take('received_at', receivedAt ?? 0, receivedAt !== null, clock.now())
    return {
      receipt: receiptOf(time),
      message: {
        topic: take('topic', topic, isText(topic, TOPIC_MAX), textOf(topic, 512)),
        payload: take('payload', bytes ?? NO_BYTES, bytes !== null, NO_BYTES),
        source: take(
          'source',
          source,
          isText(source, SOURCE_MAX) && source !== '',
          textOf(source, SOURCE_MAX) || UNKNOWN_SOURCE,
        ),
        qos: take('qos', qos, qos === undefined || qos === 0 || qos === 1 || qos === 2, 0),
        redelivered: take('redelivered', redelivered, isFlag(redelivered), false),
        retained: take('retained', retained, isFlag(retained), false),
        contentType: take('content_type', contentType, isText(contentType, PROPERTY_MAX, true), undefined),
        correlationId: take(
          'correlation_id',
          correlationId,
          isText(correlationId, PROPERTY_MAX, true),
          undefined,
        ),
        userProperties: take('user_properties', properties ?? undefined, properties !== null, undefined),
        fence,
      },
      flags: bad.length === 0 ? null : bad.join(' '),
    }
  }

  return (message) => {
    try {
      if (typeof message !== 'object' || message === null) return noMessage(message)
      const receivedAt = timeOf(message.receivedAt)
      if (receivedAt !== null && isAsItShouldBe(message))
        return { message, receipt: receiptOf(receivedAt), flags: null }
      return putRight(message, receivedAt)
    } catch {
      // A member that throws when it is read.
      return noMessage(message)
    }
  }
}

const noMessage = (given: unknown) =>
  new DeviceHubError(
    'invalid_options',
    `a message must be { topic, payload, source } with a topic in a text and a payload in a Uint8Array, not ${kindOf(given)}`,
  )

function kindOf(given: unknown): string {
  if (given === null) return 'null'
  if (typeof given !== 'object') return `a ${typeof given}`
  return isList(given) ? 'a list' : 'an object without them'
}

const isText = (value: unknown, max: number, optional = false): boolean =>
  value === undefined ? optional : typeof value === 'string' && value.length <= max && isStorableText(value)

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= TIME_MAX

const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean'

function isFence(fence: unknown): boolean {
  if (typeof fence !== 'object' || fence === null) return false
  const { name, epoch } = fence as { readonly name?: unknown; readonly epoch?: unknown }
  return isText(name, 255) && name !== '' && Number.isSafeInteger(epoch)
}

/** A copy. NUL and broken surrogates are escaped in the JSON of them; only their number and size are bounded: else null. */
function propertiesOf(given: unknown): InboundMessage['userProperties'] | null {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return null
  const names = Object.keys(given)
  // Without a prototype: one named __proto__ is one like any other.
  const copy: Record<string, string | readonly string[]> = Object.create(null)
  let count = names.length
  let characters = 0
  if (count > PROPERTIES_MAX) return null
  for (const name of names) {
    characters += name.length
    const value = (given as Record<string, unknown>)[name]
    const texts: readonly unknown[] = Array.isArray(value) ? Array.from(value as unknown[]) : [value]
    count += texts.length - 1
    if (count > PROPERTIES_MAX) return null
    for (const each of texts) {
      if (typeof each !== 'string') return null
      characters += each.length
    }
    copy[name] = Array.isArray(value) ? (texts as string[]) : (value as string)
  }
  return characters <= PROPERTIES_MAX_CHARACTERS ? copy : null
}

/** Bytes, a buffer of them, or a text. */
export const isPayload = (payload: unknown): boolean =>
  typeof payload === 'string' || payload instanceof ArrayBuffer || ArrayBuffer.isView(payload)

/** Bytes in other clothes, and a text; null for what is neither. */
function bytesOf(payload: unknown): Uint8Array | null {
  if (payload instanceof Uint8Array) return payload
  if (typeof payload === 'string') return new TextEncoder().encode(payload)
  if (payload instanceof ArrayBuffer) return new Uint8Array(payload)
  if (ArrayBuffer.isView(payload))
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength)
  return null
}

const textOf = (value: unknown, max: number): string =>
  value === undefined || value === null ? '' : toLine(typeof value === 'string' ? value : String(value), max)

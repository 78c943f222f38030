import { errorLine } from '../model/codec/text.js'
import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType, IngestPolicies } from '../model/device-type/device-type.js'
import type { MessageRef } from '../model/message.js'
import { type Channel, createTopicRouter, type TopicRoute } from '../model/topic/index.js'
import type { InboundMessage } from '../ports/transport.js'
import { type DecodedPayload, decodeJson, decodePayload } from './decode-payload.js'
import type { CheckedMessage } from './envelope.js'
import { handlerFlag } from './handler-flag.js'
import type { Refusal, Settle } from './ingest.js'
import { compileDataPlanner, type DataPlanner } from './plan-data.js'
import { planReply } from './plan-reply.js'
import { compileStatePlanner, type StatePlanner } from './plan-state.js'
import { compileStatusPlanner, type StatusPlanner } from './plan-status.js'
import type { Receipt } from './receipt.js'
import { type MessageRefusal, refusalOf } from './refusal.js'
import { type Content, NO_CONTENT, type TakenMessage } from './taken-message.js'

export interface PlannerOptions {
  readonly types: readonly AnyDeviceType[]
  readonly topicPrefix: string
  readonly policies: IngestPolicies<number>
  readonly deviceIdMaxLength: number
  readonly maxPayload: number
  readonly maxSamples: number
  /** Whether the storage has the control group: a place for commands and reported state. */
  readonly control: boolean
}

/** What came in, as far as it can be told without the database: route, decode, validate. Never throws. */
export interface MessagePlanner {
  plan(checked: CheckedMessage, settle: Settle, replay?: Replay): TakenMessage
  /** Of a message that its handler could not handle. */
  quarantine(checked: CheckedMessage, settle: Settle, refusal: Refusal, handled?: Handled): TakenMessage
  /** Of one that its handler has handled, in a replay. */
  handled(checked: CheckedMessage, settle: Settle, handled: Handled): TakenMessage
}

/** Of a stored message that comes through once more. */
export interface Replay {
  readonly ref: MessageRef
  /** Some of its samples are stored. */
  readonly isPartlyStored: boolean
}

export interface Handled {
  /** The name of the topic handler. */
  readonly handler?: string | undefined
  readonly replayOf?: MessageRef | undefined
}

export function createMessagePlanner(options: PlannerOptions): MessagePlanner {
  const { types, maxPayload } = options
  const route = createTopicRouter(types, {
    prefix: options.topicPrefix,
    deviceIdMaxLength: options.deviceIdMaxLength,
  })
  const dataPlanners = new Map<AnyDeviceType, DataPlanner>(
    types.map((type) => [type, compileDataPlanner(type, options)]),
  )
  const statusPlanners = new Map<AnyDeviceType, StatusPlanner>(
    types.map((type) => [type, compileStatusPlanner(type, options.policies)]),
  )
  const statePlanners = new Map<AnyDeviceType, StatePlanner>(
    types.map((type) => [type, compileStatePlanner(type, options.policies)]),
  )

  function plan(checked: CheckedMessage, settle: Settle, replay?: Replay): TakenMessage {
    const { message, receipt } = checked
    const { receivedAt } = receipt
    const found = route(message.topic)
    const arrival = { ...checked, settle, replayOf: replay?.ref }
    if ('code' in found) return unreadable(arrival, found.type, found)
    if (message.payload.byteLength > maxPayload)
      return taken(arrival, found, NOT_KEPT, NO_CONTENT, tooLarge(message, maxPayload))
    const decoded = decodePayload(optionOf(found.type, 'codec'), message, found, receivedAt)
    if (decoded.refusal !== null) return taken(arrival, found, decoded, NO_CONTENT, decoded.refusal)
    const content = planSafely(found, decoded.value, message, receipt, replay?.isPartlyStored ?? false)
    return 'code' in content
      ? taken(arrival, found, decoded, NO_CONTENT, content)
      : taken(arrival, found, decoded, content, null)
  }

  /** A payload that the code here does not stand is one refused message, and never the end of the reader. */
  function planSafely(...args: Parameters<typeof planContent>): Content | Refusal {
    try {
      return planContent(...args)
    } catch (error) {
      return { code: 'undecodable', reason: `reading what the payload says failed: ${errorLine(error, 200)}` }
    }
  }

  function planContent(
    { type, deviceId, channel }: TopicRoute,
    value: unknown,
    message: InboundMessage,
    { receivedAt, orderAt }: Receipt,
    isPartlyStored: boolean,
  ): Content | Refusal {
    const retained = message.retained === true
    if (!options.control && NEEDS_CONTROL.has(channel)) return noPlace(channel)
    switch (channel) {
      case 'data':
        return (dataPlanners.get(type) as DataPlanner)(value, {
          deviceId,
          receivedAt,
          orderAt,
          redelivered: message.redelivered === true,
          retained,
          isPartlyStored,
        })
      case 'status':
        return flagRetained((statusPlanners.get(type) as StatusPlanner)(value, receivedAt), retained)
      case 'response':
        return flagRetained(planReply(value, message.correlationId), retained)
      case 'state':
        return (statePlanners.get(type) as StatePlanner)(value, receivedAt, retained)
      default:
        return {
          code: 'not_inbound',
          reason: `devices do not send on "${channel}"; data, status, response and state are theirs`,
        }
    }
  }

  /** A message of no known type, or one that its reader gave up on: kept as it came. */
  function unreadable(arrival: Arrival, type: AnyDeviceType | null, refusal: Refusal): TakenMessage {
    const place = { type, deviceId: null, channel: null }
    const { message } = arrival
    if (message.payload.byteLength > maxPayload)
      return taken(arrival, place, NOT_KEPT, NO_CONTENT, tooLarge(message, maxPayload))
    return taken(arrival, place, decodeJson(message.payload), NO_CONTENT, refusal)
  }

  /** Of a message that belongs to its handler. */
  const arrivalOf = (checked: CheckedMessage, settle: Settle, { handler, replayOf }: Handled): Arrival => ({
    ...checked,
    settle,
    flags: handler === undefined ? checked.flags : joined(handlerFlag(handler), checked.flags),
    replayOf,
  })

  return {
    plan,
    quarantine: (checked, settle, refusal, handled = {}) =>
      unreadable(arrivalOf(checked, settle, handled), null, refusal),
    handled: (checked, settle, handled) =>
      taken(
        arrivalOf(checked, settle, handled),
        NOWHERE,
        decodeJson(checked.message.payload),
        NO_CONTENT,
        null,
      ),
  }
}

const NEEDS_CONTROL: ReadonlySet<Channel> = new Set(['response', 'state'])

/** Can be replayed into a storage that has it. */
const noPlace = (channel: Channel): Refusal => ({
  code: 'not_supported',
  reason: `the storage of the hub keeps telemetry alone: it has no place for what devices say on "${channel}"`,
})

const flagRetained = (content: Content | Refusal, retained: boolean): Content | Refusal =>
  !retained || 'code' in content ? content : { ...content, flags: joined(content.flags, 'retained') }

/** A message with what is known of it before anybody looked into it. */
interface Arrival extends CheckedMessage {
  readonly settle: Settle
  readonly replayOf: MessageRef | undefined
}

type Place = Pick<TakenMessage, 'type' | 'deviceId' | 'channel'>

const NOWHERE: Place = { type: null, deviceId: null, channel: null }

type Kept = Pick<DecodedPayload, 'json' | 'raw'>

const NOT_KEPT: Kept = { json: null, raw: null }

function taken(
  { message, settle, receipt: { receivedAt, isRecent }, flags, replayOf }: Arrival,
  { type, deviceId, channel }: Place,
  { json, raw }: Kept,
  content: Content,
  refusal: Refusal | null,
): TakenMessage {
  return {
    direction: 'in',
    envelope: message,
    settle,
    receivedAt,
    isLive: isRecent && message.retained !== true && replayOf === undefined,
    type,
    deviceId,
    channel,
    payloadJson: json,
    payloadRaw: raw,
    content,
    flags: joined(content.flags, flags),
    refusal: refusal === null ? null : asRefused(refusal),
    replayOf,
    own: null,
  }
}

/** What can be right once something else is mended: a type declared, a handler fixed. */
const QUARANTINED: ReadonlySet<string> = new Set(['unknown_topic', 'unknown_type', 'handler_failed'])

const asRefused = (refusal: Refusal): MessageRefusal =>
  refusalOf(QUARANTINED.has(refusal.code) ? 'quarantined' : 'rejected', refusal)

const joined = (flags: string | null, more: string | null): string | null =>
  flags === null ? more : more === null ? flags : `${flags} ${more}`

const tooLarge = (message: InboundMessage, maxPayload: number): Refusal => ({
  code: 'payload_too_large',
  reason: `the payload has ${message.payload.byteLength} bytes; the hub takes ${maxPayload} (option maxPayload) and did not keep it`,
})

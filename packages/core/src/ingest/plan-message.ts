import { errorLine } from '../model/codec/text.js'
import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType, IngestPolicies } from '../model/device-type/device-type.js'
import type { MessageRef } from '../model/message.js'
import { type Channel, createTopicRouter, type TopicRoute } from '../model/topic/index.js'
import type { Clock } from '../ports/clock.js'
import type { InboundMessage } from '../ports/transport.js'
import { decodeJson, decodePayload } from './decode-payload.js'
import { handlerFlag } from './handler-flag.js'
import type { Refusal, Settle } from './ingest.js'
import { compileDataPlanner, type DataPlanner } from './plan-data.js'
import { planReply } from './plan-reply.js'
import { compileStatePlanner, type StatePlanner } from './plan-state.js'
import { compileStatusPlanner, type StatusPlanner } from './plan-status.js'
import { type Content, type PlannedMessage, refusalOf } from './planned-message.js'

export interface PlannerOptions {
  readonly types: readonly AnyDeviceType[]
  readonly topicPrefix: string
  readonly policies: IngestPolicies<number>
  readonly clock: Clock
  readonly deviceIdMaxLength: number
  readonly maxPayload: number
  readonly maxSamples: number
  /** Whether the storage has the control group: a place for commands and reported state. */
  readonly control: boolean
}

/** From bytes to rows, as far as that goes without the database: route, decode, validate, plan. Never throws. */
export interface MessagePlanner {
  /** `isPartlyStored`: of the message that is replayed. */
  plan(
    message: InboundMessage,
    settle: Settle,
    replayOf?: MessageRef,
    isPartlyStored?: boolean,
  ): PlannedMessage
  /** Of a message that its handler could not handle. */
  quarantine(message: InboundMessage, settle: Settle, refusal: Refusal, handled?: Handled): PlannedMessage
  /** Of one that its handler has handled, in a replay. */
  handled(message: InboundMessage, settle: Settle, handled: Handled): PlannedMessage
}

export interface Handled {
  /** The name of the topic handler. */
  readonly handler?: string | undefined
  readonly replayOf?: MessageRef | undefined
}

const NO_CONTENT: Content = { samples: [], news: null, flags: null, partial: null }

export function createMessagePlanner(options: PlannerOptions): MessagePlanner {
  const { types, clock, maxPayload } = options
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

  function plan(
    message: InboundMessage,
    settle: Settle,
    replayOf?: MessageRef,
    isPartlyStored = false,
  ): PlannedMessage {
    const receivedAt = message.receivedAt ?? clock.now()
    const found = route(message.topic)
    if ('code' in found) return unreadable(message, settle, receivedAt, found.type, found, replayOf)
    const { type, deviceId, channel } = found
    const place = { inbound: message, settle, receivedAt, type, deviceId, channel, replayOf }
    if (message.payload.byteLength > maxPayload)
      return refused(place, tooLarge(message, maxPayload), null, null)
    const decoded = decodePayload(optionOf(type, 'codec'), message, { deviceId, channel, receivedAt })
    if (decoded.refusal !== null) return refused(place, decoded.refusal, decoded.json, decoded.raw)
    const content = planSafely(found, decoded.value, message, receivedAt, isPartlyStored)
    if ('code' in content) return refused(place, content, decoded.json, decoded.raw)
    return planned(place, content, null, decoded.json, decoded.raw)
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
    receivedAt: number,
    isPartlyStored: boolean,
  ): Content | Refusal {
    const retained = message.retained === true
    if (!options.control && NEEDS_CONTROL.has(channel)) return noPlace(channel)
    switch (channel) {
      case 'data':
        return (dataPlanners.get(type) as DataPlanner)(value, {
          deviceId,
          receivedAt,
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
  function unreadable(
    message: InboundMessage,
    settle: Settle,
    receivedAt: number,
    type: AnyDeviceType | null,
    refusal: Refusal,
    replayOf?: MessageRef,
  ) {
    const place = { inbound: message, settle, receivedAt, type, deviceId: null, channel: null, replayOf }
    if (message.payload.byteLength > maxPayload)
      return refused(place, tooLarge(message, maxPayload), null, null)
    const { json, raw } = decodeJson(message.payload)
    const plannedMessage = refused(place, refusal, json, raw)
    if (plannedMessage.refusal !== null && QUARANTINED.has(refusal.code))
      plannedMessage.refusal = { ...plannedMessage.refusal, status: 'quarantined' }
    return plannedMessage
  }

  return {
    plan,
    quarantine(message, settle, refusal, { handler, replayOf } = {}) {
      const receivedAt = message.receivedAt ?? clock.now()
      const quarantined = unreadable(message, settle, receivedAt, null, refusal, replayOf)
      if (handler !== undefined) quarantined.flags = handlerFlag(handler)
      return quarantined
    },
    handled(message, settle, { handler, replayOf }) {
      const receivedAt = message.receivedAt ?? clock.now()
      const place = {
        inbound: message,
        settle,
        receivedAt,
        type: null,
        deviceId: null,
        channel: null,
        replayOf,
      }
      const { json, raw } = decodeJson(message.payload)
      const flags = handler === undefined ? null : handlerFlag(handler)
      return planned(place, { ...NO_CONTENT, flags }, null, json, raw)
    },
  }
}

const NEEDS_CONTROL: ReadonlySet<Channel> = new Set(['response', 'state'])

/** Can be replayed into a storage that has it. */
const noPlace = (channel: Channel): Refusal => ({
  code: 'not_supported',
  reason: `the storage of the hub keeps telemetry alone: it has no place for what devices say on "${channel}"`,
})

const flagRetained = (content: Content | Refusal, retained: boolean): Content | Refusal =>
  !retained || 'code' in content
    ? content
    : { ...content, flags: content.flags === null ? 'retained' : `${content.flags} retained` }

/** What can be right once something else is mended: a type declared, a handler fixed. */
const QUARANTINED: ReadonlySet<string> = new Set(['unknown_topic', 'unknown_type', 'handler_failed'])

type Place = Pick<
  PlannedMessage,
  'inbound' | 'settle' | 'receivedAt' | 'type' | 'deviceId' | 'channel' | 'replayOf'
>

function planned(
  place: Place,
  content: Content,
  refusal: Refusal | null,
  payloadJson: string | null,
  payloadRaw: Uint8Array | null,
): PlannedMessage {
  return {
    direction: 'in',
    inbound: place.inbound,
    settle: place.settle,
    receivedAt: place.receivedAt,
    type: place.type,
    deviceId: place.deviceId,
    channel: place.channel,
    payloadJson,
    payloadRaw,
    samples: content.samples,
    news: content.news,
    at: place.receivedAt,
    claimedAt: content.claimedAt ?? null,
    flags: content.flags,
    partial: content.partial,
    replayOf: place.replayOf,
    session: null,
    reply: content.reply ?? null,
    report: content.report ?? null,
    command: null,
    desired: null,
    refusal: refusal === null ? null : refusalOf('rejected', refusal),
    known: null,
    touch: null,
    change: null,
    settled: false,
  }
}

const refused = (place: Place, refusal: Refusal, json: string | null, raw: Uint8Array | null) =>
  planned(place, NO_CONTENT, refusal, json, raw)

const tooLarge = (message: InboundMessage, maxPayload: number): Refusal => ({
  code: 'payload_too_large',
  reason: `the payload has ${message.payload.byteLength} bytes; the hub takes ${maxPayload} (option maxPayload) and did not keep it`,
})

import type { NewMessage } from '../model/message.js'
import type { LeaseFence } from '../ports/leases.js'
import type { CommitBatch, CommitEntry, DeviceChange, DeviceTouch } from '../ports/storage.js'
import { type DecidedMessage, makesEntry } from './decided-message.js'
import { type MessageRefusal, reasonLine } from './refusal.js'
import { NO_CONTENT, type TakenMessage } from './taken-message.js'

/** What is written for some messages in one transaction, and whose it is. */
export interface MessageRows {
  readonly batch: CommitBatch
  /** By the place of an entry of the batch. */
  readonly entries: readonly DecidedMessage[]
  /** By the place of a change of the batch. */
  readonly changes: readonly DecidedMessage[]
  /** What brokers told of connections: without an entry, and when refused without a change. */
  readonly sessions: readonly DecidedMessage[]
}

export interface RowOptions {
  readonly processedAt: number
  /** Whether somebody is going to ask for the ids of their rows. */
  readonly wantsIds: boolean
}

/** Milliseconds that a message may wait for its commit and still be the latest of its device: another process may have been faster. */
const LIVE_FOR = 5_000

const isStillLive = ({ isLive, receivedAt }: TakenMessage, now: number): boolean =>
  isLive && now - receivedAt < LIVE_FOR

export function rowsOf(
  decided: readonly DecidedMessage[],
  { processedAt, wantsIds }: RowOptions,
): MessageRows {
  const touches = new Map<string, DeviceTouch>()
  const changes: DeviceChange[] = []
  const changed: DecidedMessage[] = []
  const fences = new Map<string, LeaseFence>()
  for (const message of decided) {
    const { taken, touch, change } = message
    const { fence } = taken.envelope
    if (fence !== undefined) fences.set(`${fence.epoch} ${fence.name}`, fence)
    if (touch !== null) touches.set(`${touch.type.key}/${touch.deviceId}`, touch)
    if (change === null) continue
    changes.push(isStillLive(taken, processedAt) ? { ...change, liveAt: processedAt } : change)
    changed.push(message)
  }
  const sessions = decided.filter((message) => !makesEntry(message))
  const entries = sessions.length === 0 ? decided : decided.filter(makesEntry)
  const batch = {
    entries: entries.map((message) => entryOf(message, processedAt)),
    touches: [...touches.values()],
    changes,
    ...(fences.size > 0 && { fences: [...fences.values()] }),
    ...(wantsIds && { wantsIds }),
  }
  return { batch, entries, changes: changed, sessions }
}

function entryOf(decided: DecidedMessage, processedAt: number): CommitEntry {
  const { taken, refusal, flags, command } = decided
  const { type, replayOf, own } = taken
  const { samples, ahead = 0, report } = refusal === null ? taken.content : NO_CONTENT
  // A type may admit any time.
  const isBounded = samples.length > 0 && Number.isFinite(ahead)
  const desired = refusal === null ? own?.desired : null
  const message = auditRow(taken, refusal, flags, processedAt)
  // Most have none of the rest, and looking through it costs each message.
  if (!replayOf && !command && !report && !desired)
    return isBounded
      ? { type, message, samples, orderLimit: orderLimit(processedAt, ahead) }
      : { type, message, samples }
  return {
    type,
    message,
    samples,
    ...(isBounded && { orderLimit: orderLimit(processedAt, ahead) }),
    ...(replayOf && { replayOf }),
    ...(command && { command }),
    ...(report && { report: isStillLive(taken, processedAt) ? { ...report, isLive: true } : report }),
    ...(desired && { desired }),
  }
}

/** To the minute, so that a statement that holds it is the same for as long. */
const orderLimit = (now: number, ahead: number): number => Math.ceil((now + ahead) / MINUTE) * MINUTE

const MINUTE = 60_000

export function auditRow(
  taken: TakenMessage,
  refusal: MessageRefusal | null,
  flags: string | null,
  processedAt: number,
): NewMessage {
  const { envelope } = taken
  const why = refusal ?? taken.content.partial
  return {
    deviceId: taken.deviceId,
    channel: taken.channel,
    direction: taken.direction,
    topic: envelope.topic,
    payloadJson: taken.payloadJson,
    payloadRaw: taken.payloadRaw,
    contentType: envelope.contentType ?? null,
    correlationId: envelope.correlationId ?? null,
    userProperties: envelope.userProperties === undefined ? null : JSON.stringify(envelope.userProperties),
    source: envelope.source,
    qos: envelope.qos ?? 0,
    redelivered: envelope.redelivered ?? false,
    retained: envelope.retained ?? false,
    status: refusal === null ? 'processed' : refusal.status,
    code: why === null ? null : why.code,
    reason: why === null ? null : reasonLine(why.reason),
    flags,
    receivedAt: taken.receivedAt,
    processedAt,
  }
}

/** Of a message that the database refused: without its payload and whatever else it brought. */
export function rowsWithoutPayload(decided: DecidedMessage, options: RowOptions): MessageRows {
  return loneRow(decided, decided.taken.type, withoutPayload(decided, options.processedAt), options)
}

/** The same in the table of the messages of no type, since that of its own does not take it. */
export function rowsWithoutPlace(decided: DecidedMessage, options: RowOptions): MessageRows {
  const message = {
    ...withoutPayload(decided, options.processedAt),
    deviceId: null,
    channel: null,
    topic: ascii(decided.taken.envelope.topic, 128),
    reason:
      'the database refused the row in the table of its type, whatever was left out; the log has its error',
  }
  return loneRow(decided, null, message, options)
}

const withoutPayload = ({ taken, refusal }: DecidedMessage, processedAt: number): NewMessage => ({
  ...auditRow(taken, null, null, processedAt),
  topic: ascii(taken.envelope.topic, 512),
  payloadJson: null,
  payloadRaw: null,
  contentType: null,
  correlationId: null,
  userProperties: null,
  source: ascii(taken.envelope.source, 128),
  redelivered: false,
  retained: false,
  status: 'rejected',
  code: 'storage_failed',
  reason: ascii(refusal?.reason ?? '', 512),
})

function loneRow(
  decided: DecidedMessage,
  type: CommitEntry['type'],
  message: NewMessage,
  { wantsIds }: RowOptions,
): MessageRows {
  const { replayOf, envelope } = decided.taken
  const batch = {
    entries: [{ type, message, samples: [], ...(replayOf && { replayOf }) }],
    touches: [],
    changes: [],
    ...(envelope.fence && { fences: [envelope.fence] }),
    ...(wantsIds && { wantsIds }),
  }
  return { batch, entries: [decided], changes: [], sessions: [] }
}

/** A database of another character set may refuse any other letter. */
const ascii = (text: string, maxLength: number) => text.slice(0, maxLength).replace(/[^\x20-\x7e]/g, '?')

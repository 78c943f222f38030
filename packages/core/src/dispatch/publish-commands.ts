import type { DeviceDirectory } from '../ingest/device-directory.js'
import type { IngestOutcome } from '../ingest/ingest.js'
import type { OwnMessage } from '../ingest/own-message.js'
import { errorLine } from '../model/codec/text.js'
import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { isDeviceHubError, isRetryable } from '../model/errors.js'
import { topicOf } from '../model/topic/build-topic.js'
import type { Clock } from '../ports/clock.js'
import type { CommandChange, CommandRecord } from '../ports/commands.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { Storage } from '../ports/storage.js'
import type { OutboundMessage } from '../ports/transport.js'
import type { FaultLog } from '../rules/fault-log.js'
import { commandMessage, decidedMessage, sentMessage } from './command-message.js'
import type { DispatchRound } from './dispatcher.js'
import type { SentNotes } from './sent-notes.js'
import type { Unconfirmed } from './unconfirmed.js'

export interface DispatchContext {
  readonly storage: Storage
  readonly types: readonly AnyDeviceType[]
  readonly directory: DeviceDirectory
  readonly topicPrefix: string
  readonly deviceIdMaxLength: number
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly publish: (message: OutboundMessage, broker: string) => Promise<void>
  /** Whether this process has a transport for the broker. */
  readonly canPublish: (broker: string) => boolean
  /** Commits a row of the hub's own; `duplicate`: its command was further already. */
  readonly record: (message: OwnMessage) => Promise<IngestOutcome>
  readonly notes: Pick<SentNotes, 'add'>
  /** Who claims, for this run of the process. */
  readonly claim: string
  /** The last publication of each device that is not done: the next one of the device begins behind it. */
  readonly chains: Map<string, Promise<boolean>>
  readonly unconfirmed: Unconfirmed
  /** Lines of what cannot be published now: as many wait as are due, and each is tried once a second. */
  readonly faults: { readonly commands: FaultLog; readonly desired: FaultLog }
}

/**
 * Milliseconds that a process has from a claim to the note that it is done, before another one does it. More than a
 * transport waits for its broker.
 */
export const CLAIM_TTL = 30_000
/** Commands in one look. */
const LOOK_MAX = 200
/** Milliseconds until what could not be published, for want of a broker, is tried again. */
const AGAIN_AFTER = 1_000

export const publishableTypes = ({ types, canPublish }: DispatchContext): string[] =>
  types.filter((type) => !type.abstract && canPublish(optionOf(type, 'broker'))).map(({ key }) => key)

/** Claims the commands that are due and deals with each: publish, time out, expire. */
export async function lookForCommands(context: DispatchContext): Promise<DispatchRound> {
  const { claim } = context
  const types = publishableTypes(context)
  const records = await context.storage.commands.claimDue({ claim, ttl: CLAIM_TTL, types, limit: LOOK_MAX })
  await loadDevices(context, records)
  return { more: records.length === LOOK_MAX, work: dispatchCommands(context, records) }
}

async function loadDevices(
  { types, directory }: DispatchContext,
  records: readonly CommandRecord[],
): Promise<void> {
  for (const type of types) {
    const ids = records.filter(({ typeKey }) => typeKey === type.key).map(({ deviceId }) => deviceId)
    const missing = [...new Set(ids)].filter((deviceId) => directory.get(type, deviceId) === undefined)
    if (missing.length > 0) await directory.load(type, missing)
  }
}

/** Begins with all of them, in order; a device's commands reach the broker in the order of creation. */
export function dispatchCommands(
  context: DispatchContext,
  records: readonly CommandRecord[],
): Promise<void>[] {
  return records.flatMap((record) => {
    const type = context.types.find(({ key }) => key === record.typeKey)
    // Of a type that this process does not know: another release has it.
    return type === undefined ? [] : [dispatch(context, type, record)]
  })
}

function dispatch(context: DispatchContext, type: AnyDeviceType, record: CommandRecord): Promise<void> {
  const { state, attempts, retries, expiresIn, timeout } = record
  const seconds = timeout / 1000
  const device = context.directory.get(type, record.deviceId)
  if (device !== undefined && device.record?.isActive !== true) {
    const reason = `the device ${device.record === null ? 'does not exist any more' : 'is deactivated'}`
    return decide(context, type, record, { to: 'cancelled', from: ['queued', 'sent', 'accepted'], reason })
  }
  if (state === 'queued') return expiresIn > 0 ? inTurn(context, type, record) : expire(context, type, record)
  if (state === 'sent' && attempts <= retries && expiresIn > 0) return inTurn(context, type, record)
  const times = attempts > 1 ? `, sent ${attempts} times` : ''
  const what = state === 'accepted' ? 'accepted it, and did not finish' : 'did not answer'
  const reason = `the device ${what} within ${seconds} s${times}`
  return decide(context, type, record, { to: 'timed_out', from: ['sent', 'accepted'], attempts, reason })
}

/** What the broker may have taken was sent: the device may have executed it, and `expired` would be untrue. */
async function expire(context: DispatchContext, type: AnyDeviceType, record: CommandRecord): Promise<void> {
  const first = context.unconfirmed.get(record.id)
  context.unconfirmed.forget(record.id)
  if (first === undefined) {
    // Another process may have tried, and have been ended before it could write so.
    const reason = 'it was not sent, or not confirmed by the broker, in time'
    return decide(context, type, record, { to: 'expired', from: ['queued'], reason })
  }
  await context.record(sentMessage(type, record, first.message, first.at))
  return decide(context, type, record, {
    to: 'timed_out',
    from: ['sent'],
    attempts: record.attempts + 1,
    reason:
      'the broker did not confirm it in time and the device did not answer; the device may have executed it',
  })
}

/** In the ledger and the log, in one commit; nothing is written when the command is further by then. */
async function decide(
  context: DispatchContext,
  type: AnyDeviceType,
  record: CommandRecord,
  change: Pick<CommandChange, 'to' | 'from' | 'reason' | 'attempts'>,
): Promise<void> {
  const { topicPrefix: prefix, deviceIdMaxLength } = context
  const topic = topicOf(type, record.deviceId, 'cmd', { prefix, deviceIdMaxLength })
  const { status } = await context.record(decidedMessage(type, record, change, context.clock.now(), topic))
  if (status === 'stored') context.metrics.count('devicehub_commands_total', 1, { state: change.to })
}

/** A device's commands reach the broker one after the other; behind one that could not be published the next ones wait, too. */
async function inTurn(context: DispatchContext, type: AnyDeviceType, record: CommandRecord): Promise<void> {
  const { chains, storage, claim, clock, metrics } = context
  const key = `${type.key}/${record.deviceId}`
  const before = chains.get(key) ?? Promise.resolve(true)
  const mine = before.then((isFree) => (isFree ? publish(context, type, record) : null))
  const settled = mine.then(
    (message) => message !== null,
    () => true,
  )
  chains.set(key, settled)
  let sent: OutboundMessage | null
  try {
    sent = await mine
  } catch (error) {
    const before = context.unconfirmed.get(record.id)
      ? '; an earlier publication may have reached the device'
      : ''
    context.unconfirmed.forget(record.id)
    const reason = `it could not be published: ${errorLine(error)}${before}`
    return decide(context, type, record, { to: 'failed', from: ['queued', 'sent'], reason })
  } finally {
    if (chains.get(key) === settled) chains.delete(key)
  }
  if (sent === null) return storage.commands.release(claim, [record.id], AGAIN_AFTER)
  context.unconfirmed.forget(record.id)
  // The note of it is no longer in anybody's way.
  await context.notes.add(record.id, sentMessage(type, record, sent, clock.now()), record.timeout)
  metrics.count('devicehub_commands_total', 1, { state: 'sent' })
}

/** What the broker has taken; null when it has to be tried again later. Throws once it has failed for good. */
async function publish(
  context: DispatchContext,
  type: AnyDeviceType,
  record: CommandRecord,
): Promise<OutboundMessage | null> {
  const now = context.clock.now()
  let message: OutboundMessage | undefined
  try {
    message = commandMessage(type, record, now, context)
    await context.publish(message, optionOf(type, 'broker'))
    return message
  } catch (error) {
    if (!isRetryable(error) && !isDeviceHubError(error, 'closed') && !isDeviceHubError(error, 'queue_full'))
      throw error
    if (message !== undefined) context.unconfirmed.failed(record.id, { message, at: now }, error)
    context.faults.commands.failed(error, (fault, remedy) =>
      context.logger.warn(
        { ...fault, command: record.id, deviceId: record.deviceId },
        `a command could not be published now; it is tried again${remedy === null ? '' : `: ${remedy}`}`,
      ),
    )
    return null
  }
}

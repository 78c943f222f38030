import { errorLine, toLine } from '../model/codec/text.js'
import { type DeviceHubError, isDeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { LeaseFence } from '../ports/leases.js'
import type { Logger } from '../ports/logger.js'
import type { CommitBatch, CommitResult, DeviceChange, DeviceTouch, Storage } from '../ports/storage.js'
import { makesEntry, type PlannedMessage, refuse, toCommitEntry } from './planned-message.js'
import type { Retry } from './retry.js'

export interface CommitterOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
  readonly retry: Retry
  /** Of the batch and the result, indexes are those of the messages that make an entry. Must not throw. */
  readonly onCommit: (planned: readonly PlannedMessage[], batch: CommitBatch, result: CommitResult) => void
  /** Whether somebody is going to ask for the ids of their rows. */
  readonly wantsIds: (planned: readonly PlannedMessage[]) => boolean
  readonly onFailure: (planned: PlannedMessage, error: Error) => void
}

/**
 * Commits a batch, whatever it takes: waits for a database that is away, and halves a batch that the database refuses
 * until the one message at fault stands alone and is recorded as rejected (invariant 3). Rejects only when the hub gives up.
 */
export function createCommitter(
  options: CommitterOptions,
): (planned: readonly PlannedMessage[]) => Promise<void> {
  const { storage, clock, logger } = options

  async function commit(planned: readonly PlannedMessage[]): Promise<void> {
    const refused = await tryCommit(planned, planned)
    if (refused === null) return
    if (isFenced(refused)) return commitUnfenced(planned, refused)
    const [first] = planned
    if (first !== undefined && planned.length === 1) return commitRefused(first, refused)
    const middle = planned.length >> 1
    await commit(planned.slice(0, middle))
    await commit(planned.slice(middle))
  }

  /** Hands back what came in under a lease that is another process's by now: that one gets it again. The others go on. */
  async function commitUnfenced(planned: readonly PlannedMessage[], error: DeviceHubError): Promise<void> {
    const { name, epoch } = error.details
    const [fenced, others] = [[] as PlannedMessage[], [] as PlannedMessage[]]
    for (const message of planned) {
      const { fence } = message.inbound
      // Of this epoch alone: a process that lost a lease and has it again has messages of both.
      ;(fence?.name === name && fence?.epoch === epoch ? fenced : others).push(message)
    }
    // A storage that names no fence of this batch must not make it go round for ever.
    for (const message of fenced.length > 0 ? fenced : planned) options.onFailure(message, error)
    if (fenced.length > 0 && others.length > 0) await commit(others)
  }

  /** Null once committed, the error when the database refuses the data. `rows` stands in for rows that were refused. */
  async function tryCommit(
    planned: readonly PlannedMessage[],
    rows: readonly PlannedMessage[],
    isFinal = isRefused,
  ): Promise<Error | null> {
    let batch: CommitBatch | undefined
    let result: CommitResult
    const commitRows = () => {
      batch = toBatch(rows, clock.now(), options.wantsIds(planned))
      return storage.commit(batch)
    }
    try {
      result = await options.retry(commitRows, isFinal)
    } catch (error) {
      if (isFinal(error)) return error
      throw error
    }
    options.onCommit(planned, batch as CommitBatch, result)
    return null
  }

  /**
   * The message at fault alone: its audit row without samples; if that is refused too, without its payload and whatever
   * else it brought; in the end among the messages of no type. docs/decisions/refused-for-good.md
   */
  async function commitRefused(planned: PlannedMessage, cause: Error): Promise<void> {
    // What a broker told is not a device's message that could be kept for a replay.
    if (isDeviceHubError(cause, 'not_replayable') || planned.session !== null)
      return options.onFailure(planned, cause)
    logger.warn(
      { err: cause, topic: toLine(planned.inbound.topic, 200) },
      'the database refused a message; it is recorded as rejected',
    )
    const reason = `the database refused the row: ${errorLine(cause)}`
    refuse(planned, 'rejected', { code: 'storage_failed', reason })
    for (const row of [planned, withoutPayload(planned), withoutPlace(planned)]) {
      const again = await tryCommit([planned], [row])
      if (again === null) return
      if (!isDeviceHubError(again, 'storage_failed')) return options.onFailure(planned, again)
    }
    // Nothing of the message is left in that row: the database takes none at all, and this one is not lost by waiting.
    const final = await tryCommit([planned], [withoutPlace(planned)], isNotRefused)
    if (final !== null) options.onFailure(planned, final)
  }

  return commit
}

const isFenced = (error: unknown): error is DeviceHubError => isDeviceHubError(error, 'fenced')

const isRefused = (error: unknown): error is DeviceHubError =>
  isDeviceHubError(error, 'storage_failed') || isDeviceHubError(error, 'not_replayable') || isFenced(error)

/** Final while a row is tried that holds nothing of its message. */
const isNotRefused = (error: unknown): error is DeviceHubError =>
  isRefused(error) && !isDeviceHubError(error, 'storage_failed')

/** A database of another character set may refuse any other letter. */
const ascii = (text: string, maxLength: number) => text.slice(0, maxLength).replace(/[^\x20-\x7e]/g, '?')

const withoutPayload = (planned: PlannedMessage): PlannedMessage => ({
  ...planned,
  flags: null,
  refusal: { status: 'rejected', code: 'storage_failed', reason: ascii(planned.refusal?.reason ?? '', 512) },
  payloadJson: null,
  payloadRaw: null,
  touch: null,
  change: null,
  inbound: {
    topic: ascii(planned.inbound.topic, 512),
    payload: new Uint8Array(),
    source: ascii(planned.inbound.source, 128),
    qos: planned.inbound.qos,
    fence: planned.inbound.fence,
  },
})

/** In the table of the messages of no type, since that of its own does not take it. */
const withoutPlace = (planned: PlannedMessage): PlannedMessage => ({
  ...withoutPayload(planned),
  type: null,
  deviceId: null,
  channel: null,
  inbound: { ...withoutPayload(planned).inbound, topic: ascii(planned.inbound.topic, 128) },
  refusal: {
    status: 'rejected',
    code: 'storage_failed',
    reason:
      'the database refused the row in the table of its type, whatever was left out; the log has its error',
  },
})

function toBatch(planned: readonly PlannedMessage[], now: number, wantsIds: boolean): CommitBatch {
  const touches = new Map<string, DeviceTouch>()
  const changes: DeviceChange[] = []
  const fences = new Map<string, LeaseFence>()
  for (const { inbound, touch, change } of planned) {
    const { fence } = inbound
    if (fence !== undefined) fences.set(`${fence.epoch} ${fence.name}`, fence)
    if (touch !== null) touches.set(`${touch.type.key}/${touch.deviceId}`, touch)
    if (change !== null) changes.push(change)
  }
  return {
    entries: planned.filter(makesEntry).map((message) => toCommitEntry(message, now)),
    touches: [...touches.values()],
    changes,
    ...(fences.size > 0 && { fences: [...fences.values()] }),
    ...(wantsIds && { wantsIds }),
  }
}

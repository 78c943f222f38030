import { errorLine, toLine } from '../model/codec/text.js'
import { type DeviceHubError, isDeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import type { CommitResult, Storage } from '../ports/storage.js'
import { type DecidedMessage, refused } from './decided-message.js'
import {
  type MessageRows,
  type RowOptions,
  rowsOf,
  rowsWithoutPayload,
  rowsWithoutPlace,
} from './message-rows.js'
import type { Retry } from './retry.js'

/** What was written, whose it is, and what the storage answered: indexes of the result are places in the batch. */
export interface Committed extends MessageRows {
  readonly result: CommitResult
}

export interface CommitterOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
  readonly retry: Retry
  /** Must not throw. */
  readonly onCommit: (committed: Committed) => void
  /** Whether somebody is going to ask for the ids of their rows. */
  readonly wantsIds: (decided: readonly DecidedMessage[]) => boolean
  readonly onFailure: (decided: DecidedMessage, error: Error) => void
}

/**
 * Commits a batch, whatever it takes: waits for a database that is away, and halves a batch that the database refuses
 * until the one message at fault stands alone and is recorded as rejected (invariant 3). Each message ends in one call of
 * `onCommit` or `onFailure`. Resolves with false when the hub gave up.
 */
export function createCommitter(
  options: CommitterOptions,
): (decided: readonly DecidedMessage[]) => Promise<boolean> {
  const { storage, clock, logger } = options

  async function commit(decided: readonly DecidedMessage[]): Promise<boolean> {
    const refusal = await tryCommit(decided, (rows) => rowsOf(decided, rows))
    if (typeof refusal === 'boolean') return refusal
    if (isFenced(refusal)) return commitUnfenced(decided, refusal)
    const [first] = decided
    if (first !== undefined && decided.length === 1) return commitRefused(first, refusal)
    const middle = decided.length >> 1
    const isDone = await commit(decided.slice(0, middle))
    return (await commit(decided.slice(middle))) && isDone
  }

  /** Hands back what came in under a lease that is another process's by now: that one gets it again. The others go on. */
  async function commitUnfenced(decided: readonly DecidedMessage[], error: DeviceHubError): Promise<boolean> {
    const { name, epoch } = error.details
    const [fenced, others] = [[] as DecidedMessage[], [] as DecidedMessage[]]
    for (const message of decided) {
      const { fence } = message.taken.envelope
      // Of this epoch alone: a process that lost a lease and has it again has messages of both.
      ;(fence?.name === name && fence?.epoch === epoch ? fenced : others).push(message)
    }
    // A storage that names no fence of this batch must not make it go round for ever.
    for (const message of fenced.length > 0 ? fenced : decided) options.onFailure(message, error)
    return fenced.length > 0 && others.length > 0 ? commit(others) : true
  }

  /** True once committed, false when the hub gave up; the error when the database refuses the data. */
  async function tryCommit(
    decided: readonly DecidedMessage[],
    makeRows: (options: RowOptions) => MessageRows,
    isFinal = isRefused,
  ): Promise<boolean | Error> {
    let rows: MessageRows | undefined
    let result: CommitResult
    const wantsIds = options.wantsIds(decided)
    const commitRows = () => {
      rows = makeRows({ processedAt: clock.now(), wantsIds })
      return storage.commit(rows.batch)
    }
    try {
      result = await options.retry(commitRows, isFinal)
    } catch (error) {
      if (isFinal(error)) return error
      const reason = error instanceof Error ? error : new Error(String(error))
      for (const message of decided) options.onFailure(message, reason)
      return false
    }
    options.onCommit({ ...(rows as MessageRows), result })
    return true
  }

  /**
   * The message at fault alone: its audit row without samples; if that is refused too, without its payload and whatever
   * else it brought; in the end among the messages of no type. docs/decisions/refused-for-good.md
   */
  async function commitRefused(decided: DecidedMessage, cause: Error): Promise<boolean> {
    const { envelope, own } = decided.taken
    const fail = (error: Error): true => {
      options.onFailure(decided, error)
      return true
    }
    // What a broker told is not a device's message that could be kept for a replay.
    if (isDeviceHubError(cause, 'not_replayable') || own?.session) return fail(cause)
    logger.warn(
      { err: cause, topic: toLine(envelope.topic, 200) },
      'the database refused a message; it is recorded as rejected',
    )
    const rejected = refused(decided, {
      code: 'storage_failed',
      reason: `the database refused the row: ${errorLine(cause)}`,
    })
    const whole = (rows: RowOptions) => rowsOf([rejected], rows)
    const withoutPayload = (rows: RowOptions) => rowsWithoutPayload(rejected, rows)
    const withoutPlace = (rows: RowOptions) => rowsWithoutPlace(rejected, rows)
    for (const makeRows of [whole, withoutPayload, withoutPlace]) {
      const again = await tryCommit([rejected], makeRows)
      if (typeof again === 'boolean') return again
      if (!isDeviceHubError(again, 'storage_failed')) return fail(again)
    }
    // Nothing of the message is left in that row: the database takes none at all, and this one is not lost by waiting.
    const final = await tryCommit([rejected], withoutPlace, isNotRefused)
    return typeof final === 'boolean' ? final : fail(final)
  }

  return commit
}

const isFenced = (error: unknown): error is DeviceHubError => isDeviceHubError(error, 'fenced')

const isRefused = (error: unknown): error is DeviceHubError =>
  isDeviceHubError(error, 'storage_failed') || isDeviceHubError(error, 'not_replayable') || isFenced(error)

/** Final while a row is tried that holds nothing of its message. */
const isNotRefused = (error: unknown): error is DeviceHubError =>
  isRefused(error) && !isDeviceHubError(error, 'storage_failed')

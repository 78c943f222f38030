import { isDeviceHubError } from '../errors.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import type { CommitBatch, CommitResult, DeviceChange, DeviceTouch, Storage } from '../ports/storage.js'
import { type PlannedMessage, refuse, toCommitEntry } from './planned-message.js'
import type { Retry } from './retry.js'

export interface CommitterOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
  readonly retry: Retry
  /** Must not throw. */
  readonly onCommit: (planned: readonly PlannedMessage[], result: CommitResult) => void
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
    const [first] = planned
    if (first !== undefined && planned.length === 1) return commitRefused(first, refused)
    const middle = planned.length >> 1
    await commit(planned.slice(0, middle))
    await commit(planned.slice(middle))
  }

  /** Null once committed, the error when the database refuses the data. `rows` stands in for rows that were refused. */
  async function tryCommit(
    planned: readonly PlannedMessage[],
    rows: readonly PlannedMessage[],
  ): Promise<Error | null> {
    let result: CommitResult
    try {
      result = await options.retry(() => storage.commit(toBatch(rows, clock.now())), isRefusedData)
    } catch (error) {
      if (isRefusedData(error)) return error
      throw error
    }
    options.onCommit(planned, result)
    return null
  }

  /** The message at fault alone: its audit row without samples, and if that is refused too, without its payload. */
  async function commitRefused(planned: PlannedMessage, cause: Error): Promise<void> {
    if (isDeviceHubError(cause, 'not_replayable')) return options.onFailure(planned, cause)
    logger.warn(
      { error: cause, topic: planned.inbound.topic },
      'the database refused a message; it is recorded as rejected',
    )
    const reason = `the database refused the row: ${printable(cause.message)}`
    refuse(planned, 'rejected', { code: 'storage_failed', reason })
    if ((await tryCommit([planned], [planned])) === null) return
    // Not even plain columns are accepted when this fails too: the schema or the disk is at fault, not the message.
    await options
      .retry(
        () => storage.commit(toBatch([withoutPayload(planned)], clock.now())),
        () => false,
      )
      .then((result) => options.onCommit([planned], result))
  }

  return commit
}

const isRefusedData = (error: unknown): error is Error =>
  isDeviceHubError(error, 'storage_failed') || isDeviceHubError(error, 'not_replayable')

const printable = (text: string) => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 512)

const withoutPayload = (planned: PlannedMessage): PlannedMessage => ({
  ...planned,
  payloadJson: null,
  payloadRaw: null,
  inbound: {
    topic: printable(planned.inbound.topic),
    payload: new Uint8Array(),
    source: planned.inbound.source,
    qos: planned.inbound.qos,
  },
})

function toBatch(planned: readonly PlannedMessage[], now: number): CommitBatch {
  const touches = new Map<string, DeviceTouch>()
  const changes: DeviceChange[] = []
  for (const { touch, change } of planned) {
    if (touch !== null) touches.set(`${touch.type.key}/${touch.deviceId}`, touch)
    if (change !== null) changes.push(change)
  }
  return {
    entries: planned.map((message) => toCommitEntry(message, now)),
    touches: [...touches.values()],
    changes,
  }
}

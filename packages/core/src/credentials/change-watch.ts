import { type Deferred, deferred } from '@devicehub-internal/async'
import { DeviceHubError } from '../model/errors.js'
import type { AccessChanges, CredentialStore } from '../ports/credentials.js'
import { withTimeout } from './with-timeout.js'

/** Milliseconds between the starts of two polls. */
const POLL_INTERVAL_MS = 5
/** Changed devices in one poll. Beyond that everything counts as changed: a bulk write, or the first poll after a long time. */
const MAX_CHANGES = 1_000

/** Polls the database for changed credentials, made by any process. It polls on demand only: an idle process asks nothing. */
export interface ChangeWatch {
  /**
   * Resolves after a poll that started after this call: `onChanges` has been told of everything that was committed before
   * the call. All calls since the start of the last poll share the next one.
   */
  poll(): Promise<void>
  close(): void
}

export interface ChangeWatchOptions {
  readonly changes: CredentialStore['changes']
  /** Null: any device may have changed. */
  readonly onChanges: (devices: AccessChanges['devices']) => void
  readonly onPoll: () => void
  readonly monotonic: () => number
  /** Until a database that does not answer counts as unavailable. */
  readonly timeoutMs: number
}

export function createChangeWatch(options: ChangeWatchOptions): ChangeWatch {
  const { monotonic } = options
  let position: number | null = null
  let startedAt = Number.NEGATIVE_INFINITY
  let isScheduled = false
  let closed = false
  let running: Deferred | null = null
  let next: Deferred | null = null

  /** Polls never overlap, so that changes are applied in order. */
  function schedule(): void {
    if (isScheduled || running !== null || next === null) return
    isScheduled = true
    const pause = startedAt + POLL_INTERVAL_MS - monotonic()
    if (pause > 0) setTimeout(run, pause)
    else setImmediate(run)
  }

  async function run(): Promise<void> {
    isScheduled = false
    if (closed || next === null) return
    const poll = next
    running = poll
    // A call from here on comes after the start of this poll and waits for the next one.
    next = null
    startedAt = monotonic()
    options.onPoll()
    try {
      const changes = await withTimeout(options.changes(position, MAX_CHANGES), options.timeoutMs)
      if (closed) return
      // The position went back: the database was restored from a backup.
      const isRestored = position !== null && changes.position < position
      options.onChanges(isRestored ? null : changes.devices)
      position = changes.position
      poll.resolve()
    } catch (error) {
      poll.reject(error)
    } finally {
      running = null
      schedule()
    }
  }

  return {
    async poll() {
      if (closed) throw closedError()
      next ??= deferred()
      schedule()
      return next.promise
    },
    close() {
      closed = true
      for (const poll of [running, next]) poll?.reject(closedError())
      next = null
    },
  }
}

const closedError = () =>
  new DeviceHubError('closed', 'the hub is closed: it verifies no credentials any more')

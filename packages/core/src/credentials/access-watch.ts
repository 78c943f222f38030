import { DeviceHubError } from '../model/errors.js'
import type { AccessChanges, CredentialStore } from '../ports/credentials.js'
import { answered } from './answered.js'
import { type Deferred, deferred } from './deferred.js'

/** Milliseconds between the beginnings of two looks. */
const SPACING = 5
/** Devices told one by one. Past it everything is looked up anew: a bulk of credentials was written, or nobody asked for long. */
const LIMIT = 1_000

/** Learns what changed, in whatever process, when somebody asks. */
export interface AccessWatch {
  /**
   * Resolves after a look at the database that began after this call: all that was committed before the call has been
   * handed to `onChanges` by then. One look serves all that came since the last one began.
   */
  look(): Promise<void>
  close(): void
}

export interface AccessWatchOptions {
  readonly changes: CredentialStore['changes']
  /** Null: anything may have changed. */
  readonly onChanges: (devices: AccessChanges['devices']) => void
  readonly onLook: () => void
  readonly monotonic: () => number
  /** Milliseconds. */
  readonly patience: number
}

export function createAccessWatch(options: AccessWatchOptions): AccessWatch {
  const { monotonic } = options
  let position: number | null = null
  let began = Number.NEGATIVE_INFINITY
  let isDue = false
  let closed = false
  let running: Deferred<void> | null = null
  let next: Deferred<void> | null = null

  /** Looks are one after the other, so that what they tell is applied in order. */
  function schedule(): void {
    if (isDue || running !== null || next === null) return
    isDue = true
    const pause = began + SPACING - monotonic()
    if (pause > 0) setTimeout(run, pause)
    else setImmediate(run)
  }

  async function run(): Promise<void> {
    isDue = false
    if (closed || next === null) return
    const turn = next
    running = turn
    // Who comes from here on came after this look began, and waits for the one behind it.
    next = null
    began = monotonic()
    options.onLook()
    try {
      const told = await answered(options.changes(position, LIMIT), options.patience)
      if (closed) return
      // A position behind the last one: another database stands in for it, restored from a backup.
      const isOther = position !== null && told.position < position
      options.onChanges(isOther ? null : told.devices)
      position = told.position
      turn.resolve()
    } catch (error) {
      turn.reject(error)
    } finally {
      running = null
      schedule()
    }
  }

  return {
    async look() {
      if (closed) throw closedError()
      next ??= deferred()
      schedule()
      return next.promise
    },
    close() {
      closed = true
      for (const turn of [running, next]) turn?.reject(closedError())
      next = null
    },
  }
}

const closedError = () => new DeviceHubError('closed', 'the hub is closed: it tells of nobody any more')

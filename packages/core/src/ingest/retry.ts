import { sleep } from '@devicehub-internal/async'
import { isDeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import { createFaultLog } from '../rules/fault-log.js'

/** Why nothing is committed at the moment. */
export interface StorageFault {
  /**
   * `storage_unavailable`: it passes. `storage_refused`, `schema_outdated`: somebody has to mend it. `closed`: the
   * database was closed before the hub, and this hub stores nothing any more.
   */
  readonly code: string
  /** What the database said, and what to do. */
  readonly message: string
  /** When it began. */
  readonly since: Date
}

export interface RetryOptions {
  /** Milliseconds between two tries: doubles from the first to the second, with jitter. */
  readonly delay: { readonly min: number; readonly max: number }
  /** The longest pause while the database refuses the application, which no waiting mends. */
  readonly refusedMax: number
  /** Milliseconds after which a try that has no answer yet counts as a fault, while it goes on. */
  readonly slowAfter: number
  /** Aborted when the hub gives up waiting. */
  readonly signal: AbortSignal
  readonly logger: Logger
  readonly clock: Clock
  readonly onRetry: (error: unknown) => void
}

interface Waiting {
  fault: StorageFault
}

/**
 * Tries until it works, fails for a reason that trying again does not mend, the database is closed (it is never opened
 * again), or the signal is aborted.
 */
export interface Retry {
  <T>(attempt: () => Promise<T>, isFinal: (error: unknown) => boolean): Promise<T>
  /** That the database is closed; else of what waits now, the one that has waited longest; null: nothing waits. */
  fault(): StorageFault | null
}

export function createRetry(options: RetryOptions): Retry {
  const { logger, clock } = options
  const faults = new Set<Waiting>()
  const faultLog = createFaultLog()
  let ended: StorageFault | null = null

  function reportClosed(error: unknown): void {
    ended ??= faultOf(error, new Date(clock.now()))
    faultLog.failed(error, (fields, remedy) =>
      logger.error(fields, `this hub stores nothing any more, and acknowledges nothing: ${remedy}`),
    )
  }

  /** What hangs in a driver cannot be taken back here: whether it is done is not known. So it is only told. */
  function reportSlow(since: Date): Waiting {
    const seconds = options.slowAfter / 1000
    const fault = {
      code: 'storage_unavailable',
      message: `the database has not answered for ${seconds} s: it is slow or locked, or the connection is dead without a sign; give the pool a time limit for its statements`,
      since,
    }
    logger.error({ fault }, 'nothing is acknowledged until the database answers')
    const waiting = { fault }
    faults.add(waiting)
    return waiting
  }

  async function watched<T>(attempt: () => Promise<T>): Promise<T> {
    let slow: Waiting | null = null
    const since = new Date(clock.now())
    const timer = setTimeout(() => (slow = reportSlow(since)), options.slowAfter)
    try {
      return await attempt()
    } finally {
      clearTimeout(timer)
      if (slow !== null) faults.delete(slow)
    }
  }

  async function retry<T>(attempt: () => Promise<T>, isFinal: (error: unknown) => boolean): Promise<T> {
    let waiting: Waiting | null = null
    try {
      for (let delay = options.delay.min; ; ) {
        options.signal.throwIfAborted()
        try {
          return await watched(attempt)
        } catch (error) {
          if (isFinal(error)) throw error
          if (isDeviceHubError(error, 'closed')) {
            if (!options.signal.aborted) reportClosed(error)
            throw error
          }
          options.onRetry(error)
          const fault = faultOf(error, waiting?.fault.since ?? new Date(clock.now()))
          waiting ??= { fault }
          waiting.fault = fault
          faults.add(waiting)
          const refused = fault.code === 'storage_refused'
          faultLog.failed(error, (fields, remedy) =>
            logger.error(
              fields,
              remedy === null
                ? 'storage failed; nothing is acknowledged until it works again. It is tried again and again'
                : `nothing is stored and nothing acknowledged until this is mended: ${remedy}`,
            ),
          )
          logger.debug({ code: fault.code, retryInMs: delay }, 'the storage is tried again')
          await sleep(delay * (0.5 + Math.random() / 2), options.signal)
          delay = Math.min(delay * 2, refused ? options.refusedMax : options.delay.max)
        }
      }
    } finally {
      if (waiting !== null && faults.delete(waiting) && faults.size === 0) faultLog.works()
    }
  }

  return Object.assign(retry, {
    // Sets are in the order of insertion.
    fault: () => ended ?? faults.values().next().value?.fault ?? null,
  })
}

const faultOf = (error: unknown, since: Date): StorageFault => ({
  code: isDeviceHubError(error) ? error.code : 'storage_failed',
  message: error instanceof Error ? error.message : String(error),
  since,
})

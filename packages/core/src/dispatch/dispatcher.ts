import { createWaker, doneWithin } from '@devicehub-internal/async'
import { isDeviceHubError } from '../model/errors.js'
import type { Logger } from '../ports/logger.js'
import { createFaultLog } from '../rules/fault-log.js'

/** What one look found: how much of it there may be more of, and the work it started. */
export interface DispatchRound {
  /** There is more than one look takes: look again at once. */
  readonly more: boolean
  readonly work: readonly Promise<void>[]
}

export interface Dispatcher {
  /** Looks from now on, once a while. */
  start(): void
  /** Something is due now. */
  wake(): void
  /** Work begun beside a look: closing waits for it as well. */
  track(work: Promise<void>): void
  close(timeout: number): Promise<void>
}

export interface DispatcherOptions {
  /** Each looks for what is due in the database, claims it and does it. What it rejects with is logged. */
  readonly looks: readonly (() => Promise<DispatchRound>)[]
  /** Milliseconds between two looks: what other processes left is found no later. */
  readonly every: number
  /** Pieces of work at once, past which nothing more is claimed. */
  readonly concurrency: number
  readonly logger: Logger
}

/**
 * Does what is due: publications that wait for their device or were left by a process that died, time-outs,
 * expirations. The database says what is due and gives each piece to one process; here is only the clockwork.
 */
export function createDispatcher({ looks, every, concurrency, logger }: DispatcherOptions): Dispatcher {
  const waker = createWaker()
  const running = new Set<Promise<void>>()
  const faultLog = createFaultLog()
  /** Of many pieces some work while others fail: those say nothing of when it is over. */
  const workFaults = createFaultLog()
  let loop: Promise<void> | null = null
  let closed = false

  function track(work: Promise<void>): void {
    const tracked: Promise<void> = work
      .catch((error: unknown) =>
        workFaults.failed(error, (fields, remedy) =>
          logger.error(
            fields,
            `a dispatch failed; it will be tried again${remedy === null ? '' : `: ${remedy}`}`,
          ),
        ),
      )
      .finally(() => {
        running.delete(tracked)
        if (running.size === concurrency - 1) waker.wake()
      })
    running.add(tracked)
  }

  async function round(): Promise<boolean> {
    let more = false
    for (const look of looks) {
      if (closed || running.size >= concurrency) return false
      const found = await look()
      for (const work of found.work) track(work)
      more ||= found.more
    }
    return more
  }

  function failed(error: unknown): false {
    if (closed) return false
    // It is never opened again.
    closed = isDeviceHubError(error, 'closed')
    faultLog.failed(error, (fields, remedy) =>
      logger.warn(
        fields,
        `the database could not be asked for commands and desired state that are due${closed ? '' : '; trying again'}${remedy === null ? '' : `: ${remedy}`}`,
      ),
    )
    return false
  }

  async function run(): Promise<void> {
    while (!closed) {
      const more = await round().then((found) => {
        faultLog.works()
        return found
      }, failed)
      if (!more && !closed) await waker.wait(every)
    }
  }

  return {
    start() {
      if (!closed) loop ??= run()
    },
    wake: waker.wake,
    track,
    async close(timeout) {
      closed = true
      waker.wake()
      await doneWithin(timeout, Promise.all([loop, ...running]))
    },
  }
}

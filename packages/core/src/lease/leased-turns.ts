import { createWaker, doneWithin } from '@devicehub-internal/async'
import { DeviceHubError, isDeviceHubError } from '../model/errors.js'
import { randomIds } from '../ports/ids.js'
import type { Logger } from '../ports/logger.js'
import type { Storage } from '../ports/storage.js'
import { createFaultLog } from '../rules/fault-log.js'
import { claimOrWait, type HeldLease } from './hold-lease.js'

/** Work that one process of several does, again and again. */
export interface LeasedTurns<Result> {
  /** The signal of `close`. */
  readonly closing: AbortSignal
  /** The lease, or the milliseconds after which to look again: another process has it. */
  hold(): Promise<HeldLease | number>
  letGo(): Promise<void>
  /** The next turn is after so many milliseconds, instead of after `every`. */
  pauseFor(ms: number): void
  /** A turn beside the regular ones, behind the one that runs. Rejects with its error, or with `closed`. */
  inTurn(): Promise<Result>
  stats(): { readonly failures: number; readonly lastError: unknown }
  /** Ends the turn that runs, for at most so many milliseconds, and gives the lease back. Once, however often it is called. */
  close(timeoutMs: number): Promise<void>
}

export interface LeasedTurnsOptions<Result> {
  readonly hub: {
    readonly storage: Pick<Storage, 'leases'>
    readonly logger: Logger
    onClose(end: () => void | Promise<void>): () => void
  }
  /** Name of the lease. */
  readonly lease: string
  /** Milliseconds. */
  readonly ttl: number
  /** Milliseconds between two turns. */
  readonly every: number
  /** The same after one that failed; default `every`. */
  readonly retryAfter?: number
  /** Called once the lease is held. */
  readonly claimed?: (lease: HeldLease) => Promise<void>
  /** The work. */
  turn(): Promise<Result>
  /** A turn has failed. */
  failed(): void
  /** The hub closes: whoever made this closes it. */
  closeWithHub(): Promise<void>
  readonly says: {
    /** The message of `closed`. */
    readonly closed: string
    readonly storageClosed: string
    readonly hubClosed: string
    /** What could not be done. */
    readonly failed: string
  }
}

/** Begins with `start`, which the caller calls once it can be asked and closed. */
export function createLeasedTurns<Result>(
  options: LeasedTurnsOptions<Result>,
): LeasedTurns<Result> & { start(): void } {
  const { hub, lease: name, ttl, every, retryAfter = every, claimed, turn, failed, says } = options
  const { storage, logger } = hub
  const holder = randomIds.next()
  const closing = new AbortController()
  const waker = createWaker()
  const faultLog = createFaultLog()
  let lease: HeldLease | null = null
  let pause = every
  let failures = 0
  let lastError: unknown = null

  async function hold(): Promise<HeldLease | number> {
    if (lease !== null && !lease.valid) await letGo()
    if (lease !== null) return lease
    const held = await claimOrWait({ leases: storage.leases, name, holder, ttl, logger })
    if (typeof held === 'number') return held
    lease = held
    held.lost.addEventListener('abort', waker.wake)
    await claimed?.(held)
    return held
  }

  async function letGo(): Promise<void> {
    const held = lease
    lease = null
    await held?.release()
  }

  // One at a time, whoever asks.
  let last: Promise<unknown> = Promise.resolve()
  function inTurn(): Promise<Result> {
    const mine = last.then(async () => {
      if (closing.signal.aborted) throw new DeviceHubError('closed', says.closed)
      pause = every
      try {
        const result = await turn()
        faultLog.works()
        return result
      } catch (error) {
        if (isDeviceHubError(error, 'fenced')) await letGo()
        failures++
        lastError = error
        pause = Math.min(every, retryAfter)
        failed()
        throw error
      }
    })
    last = mine.catch(() => {})
    return mine
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await inTurn()
      } catch (error) {
        if (closing.signal.aborted) break
        if (isDeviceHubError(error, 'closed')) {
          logger.warn({}, says.storageClosed)
          closing.abort()
          break
        }
        faultLog.failed(error, (fields, remedy) =>
          logger.error(fields, `${says.failed}; trying again${remedy === null ? '' : `: ${remedy}`}`),
        )
      }
      if (!closing.signal.aborted) await waker.wait(pause)
    }
  }

  const forget = hub.onClose(() => {
    logger.warn({}, says.hubClosed)
    return options.closeWithHub()
  })
  let running: Promise<void> | undefined
  let closed: Promise<void> | undefined

  async function close(timeoutMs: number): Promise<void> {
    forget()
    closing.abort()
    waker.wake()
    const ended = await doneWithin(timeoutMs, Promise.all([running, last]))
    // A commit that hangs may still come through: the lease is left to expire behind it.
    if (ended) await letGo()
    else lease?.abandon()
  }

  return {
    closing: closing.signal,
    hold,
    letGo,
    pauseFor(ms) {
      pause = ms
    },
    inTurn,
    stats: () => ({ failures, lastError }),
    close(timeoutMs) {
      closed ??= close(timeoutMs)
      return closed
    },
    start() {
      running = run()
    },
  }
}

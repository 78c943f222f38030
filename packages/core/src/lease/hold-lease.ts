import {
  accept,
  callback,
  options as checkOptions,
  duration,
  optional,
  text,
  trusting,
} from '../model/check/index.js'
import type { Duration, InMilliseconds } from '../model/duration.js'
import { leases as leasesRule, logger as loggerRule } from '../ports/checks.js'
import type { LeaseFence, LeaseState, LeaseStore } from '../ports/leases.js'
import type { Logger } from '../ports/logger.js'
import { createFaultLog } from '../rules/fault-log.js'

/** Which lease to claim, and how to keep it. */
export interface HoldLeaseOptions {
  /** `hub.storage.leases`. */
  readonly leases: LeaseStore
  /** Of the lease; at most 255 characters. */
  readonly name: string
  /** Who claims: unique for this run of the process. */
  readonly holder: string
  /** How long it holds without being renewed; it is renewed three times in each. */
  readonly ttl: Duration
  /** Told when it is lost or cannot be renewed. */
  readonly logger: Logger
  /** After each renewal; must not throw. */
  readonly onRenewed?: () => void
}

/** A lease that renews itself until it is released or lost; once lost it stays lost. */
export interface HeldLease {
  /** Of the lease. */
  readonly name: string
  /**
   * For `CommitBatch.fences` and `InboundMessage.fence`: what is written under it is refused once another one holds
   * the lease.
   */
  readonly fence: LeaseFence
  /**
   * Aborted when the lease is lost: another one holds it, or it could not be renewed in time. By a clock that no step
   * of the system's time moves; a process that was frozen notices when it goes on.
   */
  readonly lost: AbortSignal
  /** Whether it surely is held now. */
  readonly valid: boolean
  /** Writes down something for others and for the next holder. False when the lease is lost. */
  note(text: string | null): Promise<boolean>
  /** Gives it back and stops renewing. Does not throw: what cannot be given back expires. */
  release(): Promise<void>
  /** Stops renewing: it expires by itself. For a holder that cannot say that it is done. */
  abandon(): void
}

/** With its time to live in milliseconds. */
export type LeaseSettings = InMilliseconds<HoldLeaseOptions>

const HOLD = checkOptions<LeaseSettings>({
  leases: leasesRule,
  name: text({ max: 255 }),
  holder: text({ max: 64 }),
  ttl: duration({ min: '1ms', max: '1d' }),
  logger: loggerRule,
  onRenewed: optional(callback<() => void>()),
})

/**
 * Claims a lease and keeps it. Null while another one holds it; rejects with the storage's error.
 *
 * @example
 * import { holdLease } from '@devicehub/core/transport'
 * import { hub } from './hub.js'
 *
 * const { storage, logger } = hub
 * const lease = await holdLease({ leases: storage.leases, name: 'report', holder: crypto.randomUUID(), ttl: '15s', logger })
 * if (lease !== null) await lease.release()
 */
export async function holdLease(options: HoldLeaseOptions): Promise<HeldLease | null> {
  return hold(accept('holdLease', 'options', HOLD, options))
}

async function hold(settings: LeaseSettings): Promise<HeldLease | null> {
  const { leases, name, holder, ttl, logger, onRenewed } = settings
  const every = ttl / 3
  // From before the request: the database's time to live begins later, and so ends later.
  let renewedAt = performance.now()
  const lease = await leases.acquire(name, holder, ttl)
  if (lease === null) return null

  const fence: LeaseFence = { name, epoch: lease.epoch }
  const lost = new AbortController()
  const fields = { lease: name, epoch: lease.epoch }
  const faultLog = createFaultLog()
  let released = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let deadline: ReturnType<typeof setTimeout> | undefined

  const remaining = () => renewedAt + ttl - performance.now()
  const isOver = () => released || lost.signal.aborted

  function lose(why: string): void {
    if (isOver()) return
    clearTimeout(timer)
    clearTimeout(deadline)
    logger.warn(fields, `the lease ${name} is lost: ${why}`)
    lost.abort()
  }

  function guardDeadline(): void {
    clearTimeout(deadline)
    deadline = setTimeout(() => {
      if (remaining() > 0) guardDeadline()
      else lose(`it was not renewed within ${ttl} ms`)
    }, remaining()).unref()
  }

  /** False when lost. Rejects when the database cannot be asked. */
  async function extend(note?: string | null): Promise<boolean> {
    const askedAt = performance.now()
    const kept = await leases.renew(lease as NonNullable<typeof lease>, ttl, note)
    if (isOver()) return false
    if (kept) {
      renewedAt = Math.max(renewedAt, askedAt)
      guardDeadline()
    } else lose('another process has taken it over')
    return kept
  }

  async function renew(): Promise<void> {
    // Frozen for longer than the lease: whoever holds it now, it is not this process.
    if (remaining() <= 0) return lose(`it was not renewed within ${ttl} ms`)
    let next = every
    try {
      if (await extend()) onRenewed?.()
      faultLog.works()
    } catch (error) {
      next = every / 4
      faultLog.failed(error, (fault, remedy) =>
        logger.warn(
          { ...fields, ...fault },
          `the lease ${name} could not be renewed; trying again${remedy === null ? '' : `: ${remedy}`}`,
        ),
      )
    }
    if (!isOver()) timer = setTimeout(renew, next).unref()
  }

  function end(): void {
    released = true
    clearTimeout(timer)
    clearTimeout(deadline)
  }

  timer = setTimeout(renew, every).unref()
  guardDeadline()
  return {
    name,
    fence,
    lost: lost.signal,
    get valid() {
      return !isOver() && remaining() > 0
    },
    note: async (text) => !isOver() && extend(text),
    abandon: end,
    async release() {
      if (released) return
      end()
      if (lost.signal.aborted) return
      await leases
        .release(lease)
        .catch((error) =>
          logger.warn(
            { ...fields, err: error },
            `the lease ${name} could not be given back; it expires by itself`,
          ),
        )
    },
  }
}

/**
 * Claims the lease unless another one holds it: then, or when another one was faster, the milliseconds after which to try
 * again. A process that waits only looks.
 */
export async function claimOrWait(settings: LeaseSettings): Promise<HeldLease | number> {
  const { leases, name, holder, ttl } = settings
  const states = await leases.find([name])
  const isTaken = states.some((state) => state.holder !== null && state.holder !== holder)
  return (isTaken ? null : await hold(settings)) ?? nextLook(states, ttl)
}

/** Milliseconds a waiting process may let pass before it looks again: until the first lease expires, and often enough to see one that is given back. */
export const nextLook = trusting(
  'nextLook',
  'states of leases and milliseconds',
  (states: readonly LeaseState[], ttlMs: number): number => {
    const soonest = Math.min(
      ...states.map(({ expiresIn }) => expiresIn).filter((left) => left > 0),
      ttlMs / 4,
    )
    // A little later than the expiry, and not all at once.
    return soonest + 20 + Math.random() * Math.min(200, ttlMs / 20)
  },
)

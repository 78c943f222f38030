import { isDeviceHubError, isRetryable } from '@devicehub/core'
import type { LeaseState, LeaseStore } from '@devicehub/core/storage'
import { createFaultLog, type HeldLease, holdLease, nextLook, randomIds } from '@devicehub/core/transport'
import { createBackoff, deferred, sleep } from '@devicehub-internal/async'
import type { BrokerContext } from '../client/broker-context.js'
import type { ClientSessions, RegisteredHandler } from '../client/client-sessions.js'
import { asError } from '../connection/connection-error.js'
import type { Session } from '../session/session.js'
import type { SlotSettings } from '../settings/slot-settings.js'
import { holdSlot, type SlotEnd } from './hold-slot.js'
import { leasesWithTimeout } from './leases-with-timeout.js'
import { bySlot, claimableSlots, slotLeaseName, slotNumbers } from './slot-leases.js'

/** The slot this process holds or waits for. */
export interface SlotStats {
  /** The group of the slots, as in the options. */
  readonly group: string
  /** The slot this process holds; null while it holds none. */
  readonly number: number | null
  /**
   * - `held`: this process holds a slot.
   * - `standby`: other processes hold all slots.
   * - `unclaimed`: it has not claimed a slot yet, or the database is unavailable.
   */
  readonly state: 'held' | 'standby' | 'unclaimed'
  /** Grows with each holder of the slot; null while this process holds none. */
  readonly epoch: number | null
}

export interface SlotKeeperOptions {
  readonly context: BrokerContext
  readonly slots: SlotSettings
  readonly leases: LeaseStore
  readonly handlers: () => readonly RegisteredHandler[]
}

/** Holds one slot of the group whenever one is free, and runs the sessions of its client id meanwhile. */
export interface SlotKeeper {
  start(): void
  /** Resolves when connected and subscribed in a slot, or standing by. Rejects when no attempt can succeed. */
  ready(): Promise<void>
  /**
   * Gives the slot back. The broker keeps its session for the next holder; with `endSession` the session is ended, unless it is
   * the last of the group.
   */
  stop(endSession: boolean): Promise<void>
  add(handler: RegisteredHandler): void
  remove(handler: RegisteredHandler): Promise<void>
  readonly sessions: readonly Session[]
  readonly lastError: Error | null
  readonly slot: SlotStats
}

interface Held {
  readonly slot: number
  readonly lease: HeldLease
  readonly clients: ClientSessions
}

export function createSlotKeeper(options: SlotKeeperOptions): SlotKeeper {
  const { context, slots, handlers } = options
  const { group, max, ttl } = slots
  const leases = leasesWithTimeout(options.leases, ttl)
  const { logger } = context.hub
  const fields = { broker: context.settings.name, group }
  const holder = randomIds.next()
  const leaseNames = slotNumbers(max).map((slot) => slotLeaseName(slots, slot))
  const backoff = createBackoff({ min: 100, max: Math.max(100, ttl / 4) })
  const stopping = new AbortController()
  const ready = deferred()
  let state: SlotStats['state'] = 'unclaimed'
  let held: Held | null = null
  let lastSlot: number | null = null
  let leaving = false
  let storageError: Error | null = null
  const faultLog = createFaultLog()
  let stopError: Error | null = null
  let running: Promise<void> = Promise.resolve()

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const states = await leases.find(leaseNames)
        storageError = null
        const claimedAt = performance.now()
        const end = await holdFreeSlot(states)
        if (end === null) await standBy(states)
        if (performance.now() - claimedAt >= ttl) backoff.reset()
        // Time for a process that stands by to take the slot, or for others to adopt it.
        if (end === 'unreachable') await sleep(ttl, stopping.signal)
        else if (end !== null) await sleep(backoff.next(), stopping.signal)
      } catch (error) {
        state = 'unclaimed'
        storageError = asError(error)
        if (isDeviceHubError(error) && !isRetryable(error)) ready.reject(error)
        const { message } = storageError
        faultLog.failed(error, (fault) =>
          logger.error({ ...fields, ...fault }, `cannot claim a slot: ${message}; trying again`),
        )
        await sleep(backoff.next(), stopping.signal)
      }
    }
  }

  /** Resolves when this process no longer holds the slot it claimed; with null at once if others hold all slots. */
  async function holdFreeSlot(states: readonly LeaseState[]): Promise<SlotEnd | null> {
    for (const slot of claimableSlots(bySlot(slots, states), max, holder, lastSlot)) {
      if (stopping.signal.aborted) return 'stopped'
      const lease = await holdLease({
        leases,
        name: slotLeaseName(slots, slot),
        holder,
        ttl: `${ttl}ms`,
        logger,
      })
      if (lease === null) continue
      try {
        const end = await hold(slot, lease)
        if (end === 'unreachable') lastSlot = null
        return end
      } finally {
        held = null
        state = 'unclaimed'
        await lease.release()
      }
    }
    return null
  }

  function hold(slot: number, lease: HeldLease): Promise<SlotEnd> {
    return holdSlot({
      context,
      slots,
      leases,
      handlers,
      holder,
      slot,
      lease,
      stopping: stopping.signal,
      isLeaving: () => leaving,
      onHeld(clients) {
        faultLog.works()
        held = { slot, lease, clients }
        state = 'held'
        lastSlot = slot
      },
      onReady: ready.resolve,
      onRefused: ready.reject,
      onStorageError(error) {
        storageError = error
      },
      onStopError(error) {
        stopError = error
      },
    })
  }

  async function standBy(states: readonly LeaseState[]): Promise<void> {
    faultLog.works()
    if (state !== 'standby') {
      const which =
        max === 1 ? `the only slot of group ${group} is` : `all ${max} slots of group ${group} are`
      logger.info(
        fields,
        `${which} held by other processes. This process stands by: it receives messages once a slot is free`,
      )
    }
    state = 'standby'
    ready.resolve()
    await sleep(nextLook(states, ttl), stopping.signal)
  }

  return {
    start() {
      running = run()
    },
    ready: () => ready.promise,
    async stop(endSession) {
      leaving = endSession
      stopping.abort()
      await running
      if (stopError !== null) throw stopError
    },
    add: (handler) => held?.clients.add(handler),
    remove: async (handler) => held?.clients.remove(handler),
    get sessions() {
      return held?.clients.sessions ?? []
    },
    get lastError() {
      return storageError ?? held?.clients.lastError ?? null
    },
    get slot() {
      return { group, state, number: held?.slot ?? null, epoch: held?.lease.fence.epoch ?? null }
    },
  }
}

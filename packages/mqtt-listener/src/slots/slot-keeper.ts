import { setTimeout as sleep } from 'node:timers/promises'
import {
  createBackoff,
  type HeldLease,
  holdLease,
  isDeviceHubError,
  isRetryable,
  type LeaseState,
  type LeaseStore,
  nextLook,
  randomIds,
} from '@devicehub/core'
import type { BrokerContext } from '../client/broker-context'
import { type ClientSessions, createClientSessions, type RegisteredHandler } from '../client/client-sessions'
import { asError } from '../connection/link-error'
import type { Session } from '../session/session'
import { aborted, createTenure, type Tenure } from '../session/slot-lease'
import type { SlotSettings } from '../settings/options'
import { adoptOrphans } from './adopt-orphans'
import { boundedLeases } from './bounded-leases'
import { mayEnd } from './last-session'
import { bySlot, claimable, numbers, type SlotNote, slotClientId, slotLease } from './slots'

export interface SlotStats {
  readonly group: string
  /** Of the slot this process holds. */
  readonly number: number | null
  /** `standby`: other processes hold all of them. `none`: it has not claimed one yet, or the database is away. */
  readonly state: 'held' | 'standby' | 'none'
  /** Grows with each holder of the slot. */
  readonly epoch: number | null
}

export interface SlotKeeperOptions {
  readonly context: BrokerContext
  readonly slots: SlotSettings
  readonly leases: LeaseStore
  readonly handlers: () => readonly RegisteredHandler[]
}

/** Holds one slot of the group whenever one is to be had, and runs the sessions of its client id while it does. */
export interface SlotKeeper {
  start(): void
  /** Resolves when connected and subscribed under a slot, or standing by. Rejects when no attempt can succeed. */
  ready(): Promise<void>
  /** Gives the slot back, its session kept for whoever takes it; with `leave` ended, unless it is the group's last. */
  stop(leave: boolean): Promise<void>
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
  /** What its note says. */
  note: SlotNote
}

export function createSlotKeeper(options: SlotKeeperOptions): SlotKeeper {
  const { context, slots, handlers } = options
  const leases = boundedLeases(options.leases, slots.ttl)
  const { counters, settings } = context
  const { logger } = context.hub
  const { group, max, ttl } = slots
  const fields = { broker: settings.name, group }
  const holder = randomIds.next()
  const names = numbers(max).map((slot) => slotLease(slots, slot))
  const backoff = createBackoff({ min: 100, max: Math.max(100, ttl / 4) })
  /** Milliseconds without a connection after which another process had better try. */
  const patience = Math.max(2 * ttl, settings.connectTimeout)
  const stopping = new AbortController()
  let state: SlotStats['state'] = 'none'
  let held: Held | null = null
  let last: number | null = null
  let leaving = false
  let outOfReach = false
  let storageError: Error | null = null
  let partingError: Error | null = null
  let running: Promise<void> = Promise.resolve()
  let resolveReady: () => void
  let rejectReady: (error: Error) => void
  const ready = new Promise<void>((resolve, reject) => {
    resolveReady = resolve
    rejectReady = reject
  })
  ready.catch(() => {})

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const states = await leases.find(names)
        storageError = null
        const claimedAt = performance.now()
        if (!(await claim(bySlot(slots, states)))) await standBy(states)
        if (performance.now() - claimedAt >= ttl) backoff.reset()
        // Long enough for those that stand by to take it, and for others to adopt it.
        if (outOfReach) {
          outOfReach = false
          await pause(ttl)
        } else if (state === 'none') await pause(backoff.next())
      } catch (error) {
        state = 'none'
        storageError = asError(error)
        if (isDeviceHubError(error) && !isRetryable(error)) rejectReady(error)
        logger.error({ ...fields, err: error }, `cannot claim a slot: ${storageError.message}; trying again`)
        await pause(backoff.next())
      }
    }
  }

  /** False when others hold all slots. Otherwise resolves when the slot is lost or given back. */
  async function claim(states: ReadonlyMap<number, LeaseState>): Promise<boolean> {
    for (const slot of claimable(states, max, holder, last)) {
      if (stopping.signal.aborted) return true
      const lease = await holdLease({ leases, name: slotLease(slots, slot), holder, ttl, logger })
      if (lease === null) continue
      try {
        await hold(slot, lease)
      } finally {
        held = null
        state = 'none'
        await lease.release()
      }
      return true
    }
    return false
  }

  async function standBy(states: readonly LeaseState[]): Promise<void> {
    if (state !== 'standby') {
      const all = max === 1 ? 'the only slot of' : `all ${max} slots of`
      logger.info(fields, `${all} group ${group} ${max === 1 ? 'is' : 'are'} held; this process stands by`)
    }
    state = 'standby'
    resolveReady()
    await pause(nextLook(states, ttl))
  }

  /** Resolves when the slot is lost, or the listener has stopped and left it in order. */
  async function hold(slot: number, lease: HeldLease): Promise<void> {
    // Read after the claim: a former holder may have written it just before.
    const [before] = await leases.find([lease.name])
    if (stopping.signal.aborted || !(await lease.note('unsure'))) return
    last = slot
    if ((before?.note ?? null) !== null) counters.slotsTaken++
    const tenure = createTenure(lease)
    const clients = createClientSessions(context, slotClientId(slots, slot), handlers, {
      tenure,
      resumes: before?.note === 'open',
    })
    const mine: Held = { slot, lease, clients, note: 'unsure' }
    held = mine
    state = 'held'
    logger.info({ ...fields, slot, epoch: lease.fence.epoch }, `holds slot ${slot} of group ${group}`)
    clients.start()
    const until = createTenure(lease, tenure.over, stopping.signal).over
    outOfReach = false
    await Promise.all([
      markOpen(mine, until),
      adoptOrphans({
        context,
        slots,
        leases,
        own: slot,
        holder: `${holder}-adopts`,
        isConnected: () => mine.note === 'open' && clients.sessions[0]?.state === 'connected',
        specs: () => handlers().map(({ spec }) => spec),
        until,
      }),
      watchReach(clients, until, tenure),
    ])
    if (!tenure.over.aborted) await part(mine)
    if (outOfReach) {
      last = null
      logger.warn(
        { ...fields, slot },
        `gives slot ${slot} of group ${group} back: the broker is out of reach from here`,
      )
    } else if (tenure.over.aborted) {
      counters.slotsLost++
      logger.warn({ ...fields, slot }, `lost slot ${slot} of group ${group}: its connections are cut`)
    }
    // Nothing is left to drain; it lets go of handlers that still run.
    await clients.stop(false)
  }

  /** Resolves with the end; by itself after too long without the broker. */
  async function watchReach(clients: ClientSessions, until: AbortSignal, tenure: Tenure): Promise<void> {
    let reachedAt = performance.now()
    while (!until.aborted) {
      if (clients.sessions[0]?.isAccepted) reachedAt = performance.now()
      else if (tenure.valid && performance.now() - reachedAt > patience) {
        outOfReach = true
        tenure.end()
      }
      await pause(ttl / 10, until)
    }
  }

  async function markOpen(mine: Held, until: AbortSignal): Promise<void> {
    const { clients, lease } = mine
    const isThere = clients.ready().catch(async (error) => {
      rejectReady(asError(error))
      // No attempt could succeed, and yet a broker may be replaced by one with which it does.
      while (!until.aborted && clients.sessions[0]?.state !== 'connected') await pause(ttl / 4, until)
    })
    await Promise.race([isThere, aborted(until)])
    while (!until.aborted) {
      try {
        if (!(await lease.note('open'))) return
        mine.note = 'open'
        return resolveReady()
      } catch (error) {
        storageError = asError(error)
        await pause(ttl / 12, until)
      }
    }
  }

  async function part(mine: Held): Promise<void> {
    const { lease, clients } = mine
    try {
      const ends = leaving && (await mayLeave(mine))
      await clients.stop(ends)
      if (ends) await lease.note(null)
    } catch (error) {
      partingError = asError(error)
    }
  }

  async function mayLeave({ slot, lease, note }: Held): Promise<boolean> {
    try {
      if (await mayEnd({ leases, slots, slot, lease, note, holder, logger })) return true
      logger.info(
        { ...fields, slot },
        `slot ${slot} has the last session of group ${group}: it is kept, since without any the messages sent meanwhile would be lost`,
      )
    } catch (error) {
      logger.warn(
        { ...fields, slot, err: error },
        `cannot ask the database whether slot ${slot} has the last session of group ${group}: it is kept`,
      )
    }
    return false
  }

  async function pause(milliseconds: number, signal = stopping.signal): Promise<void> {
    await sleep(milliseconds, undefined, { signal }).catch(() => {})
  }

  return {
    start() {
      running = run()
    },
    ready: () => ready,
    async stop(leave) {
      leaving = leave
      stopping.abort()
      await running
      if (partingError !== null) throw partingError
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

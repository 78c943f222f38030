import { setTimeout as sleep } from 'node:timers/promises'
import { holdLease, type LeaseState, type LeaseStore } from '@devicehub/core'
import { adoptSessions } from '../client/adopt'
import type { BrokerContext } from '../client/broker-context'
import type { HandlerSpec } from '../handlers/handler-spec'
import { createTenure } from '../session/slot-lease'
import type { SlotSettings } from '../settings/options'
import { mayEnd } from './last-session'
import { bySlot, MAX_SLOTS, numbers, type SlotNote, slotClientId, slotLease } from './slots'

export interface AdoptOrphansOptions {
  readonly context: BrokerContext
  readonly slots: SlotSettings
  readonly leases: LeaseStore
  /** Who adopts; another holder than that of the slot, so that the two are not taken for each other. */
  readonly holder: string
  /** The slot this process holds. */
  readonly own: number
  /** Whether it is connected: a process that cannot reach the broker adopts nothing. */
  readonly isConnected: () => boolean
  readonly specs: () => readonly HandlerSpec[]
  /** The end of it, also of an adoption under way. */
  readonly until: AbortSignal
}

/** Looks at which slots beyond `max` are in use, left over from options with a larger one. */
const LOOK_BEYOND_EVERY = 20

/**
 * Empties and ends the sessions in slots that nobody holds, one at a time: on some brokers they get their share of the
 * messages as long as they are there. A slot must be seen free twice in a row: processes that stand by and that restart
 * look more often than that, and take the slot as it is.
 */
export async function adoptOrphans(options: AdoptOrphansOptions): Promise<void> {
  const { context, slots, leases, own, until } = options
  const { logger } = context.hub
  const fields = { broker: context.settings.name, group: slots.group }
  let seen = new Map<number, number>()
  let watched = numbers(slots.max)

  for (let looks = 0; !until.aborted; looks++) {
    // Longer than `nextLook()` lets anybody wait.
    await pause(slots.ttl * (0.3 + 0.05 * Math.random()) + 50)
    if (until.aborted) return
    if (!options.isConnected()) {
      seen.clear()
      continue
    }
    try {
      const orphans = await findOrphans(looks % LOOK_BEYOND_EVERY === 0)
      const again = [...orphans].find(([slot, { epoch }]) => seen.get(slot) === epoch)
      seen = new Map([...orphans].map(([slot, { epoch }]) => [slot, epoch]))
      if (again === undefined) continue
      seen.delete(again[0])
      await adopt(again[0])
    } catch (error) {
      if (until.aborted) return
      logger.warn({ ...fields, err: error }, `cannot adopt the session of an unheld slot now; trying again`)
    }
  }

  async function findOrphans(beyond: boolean): Promise<Map<number, LeaseState>> {
    const looked = beyond ? numbers(MAX_SLOTS) : watched
    const states = bySlot(slots, await leases.find(looked.map((slot) => slotLease(slots, slot))))
    if (beyond)
      watched = looked.filter((slot) => slot <= slots.max || (states.get(slot)?.note ?? null) !== null)
    return new Map(
      [...states]
        .filter(([slot, { holder, note }]) => slot !== own && holder === null && note !== null)
        .sort(([a], [b]) => a - b),
    )
  }

  async function adopt(slot: number): Promise<void> {
    const name = slotLease(slots, slot)
    const lease = await holdLease({ leases, name, holder: options.holder, ttl: slots.ttl, logger })
    if (lease === null) return
    const tenure = createTenure(lease, until)
    try {
      // Somebody may have held it, and ended its session, since it was looked at.
      const [state] = await leases.find([name])
      const note = (state?.note ?? null) as SlotNote | null
      const request = { leases, slots, slot, lease, holder: options.holder, logger, signal: until }
      if (note === null || !(await mayEnd({ ...request, note }))) return
      const clientId = slotClientId(slots, slot)
      const { sessions } = await adoptSessions(context, clientId, options.specs(), tenure)
      context.counters.adopted += sessions
      await lease.note(null)
    } finally {
      await lease.release()
    }
  }

  async function pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: until }).catch(() => {})
  }
}

import type { LeaseState, LeaseStore } from '@devicehub/core/storage'
import { createFaultLog, holdLease } from '@devicehub/core/transport'
import { sleep } from '@devicehub-internal/async'
import type { BrokerContext } from '../client/broker-context.js'
import { endSessions } from '../client/end-sessions.js'
import type { HandlerSpec } from '../handlers/handler-spec.js'
import { createSlotLease } from '../session/slot-lease.js'
import { MAX_SLOTS } from '../settings/option-rules.js'
import type { SlotSettings } from '../settings/slot-settings.js'
import { mayEndSession } from './last-session.js'
import { bySlot, type SlotNote, slotClientId, slotLeaseName, slotNumbers } from './slot-leases.js'

export interface AdoptFreeSlotsOptions {
  readonly context: BrokerContext
  readonly slots: SlotSettings
  readonly leases: LeaseStore
  /** The holder of the adopted slots. It differs from the holder of the process's own slot. */
  readonly holder: string
  /** The slot this process holds. */
  readonly ownSlot: number
  /** Whether this process is connected. If not, it could not empty a session. */
  readonly isConnected: () => boolean
  readonly handlerSpecs: () => readonly HandlerSpec[]
  /** Ends it, also while a session is emptied. */
  readonly stopping: AbortSignal
}

/** In so many rounds once, slots above `max` are read too: a former configuration may have had a larger `max`. */
const ROUNDS_PER_FULL_READ = 20

/**
 * Empties and ends the sessions of slots that no process holds, one at a time: some brokers go on sending them their share
 * of the messages. A slot must be free in two rounds in a row. Processes that stand by or restart look more often, so they
 * can take the slot with its session first.
 */
export async function adoptFreeSlots(options: AdoptFreeSlotsOptions): Promise<void> {
  const { context, slots, leases, ownSlot, stopping } = options
  const { logger } = context.hub
  const fields = { broker: context.settings.name, group: slots.group }
  const faultLog = createFaultLog()
  /** The free slots of the last round, with their epochs. */
  let freeBefore = new Map<number, number>()
  let slotsToRead = slotNumbers(slots.max)

  for (let round = 0; !stopping.aborted; round++) {
    // Longer than the longest delay of `nextLook()`, after which processes that stand by look again.
    await sleep(slots.ttl * (0.3 + 0.05 * Math.random()) + 50, stopping)
    if (stopping.aborted) return
    if (!options.isConnected()) {
      freeBefore.clear()
      continue
    }
    try {
      const free = await findFreeSlots(round % ROUNDS_PER_FULL_READ === 0)
      const orphan = [...free].find(([slot, epoch]) => freeBefore.get(slot) === epoch)?.[0]
      freeBefore = free
      // While one is left, it is not over: it is tried in every other round.
      if (free.size === 0) faultLog.works()
      if (orphan === undefined) continue
      freeBefore.delete(orphan)
      await adopt(orphan)
    } catch (error) {
      if (stopping.aborted) return
      faultLog.failed(error, (fault, remedy) =>
        logger.warn(
          { ...fields, ...fault },
          `cannot receive the messages left in the session of a free slot; trying again${remedy === null ? '' : `: ${remedy}`}`,
        ),
      )
    }
  }

  /** The slots with a session that nobody holds, lowest first, with their epochs. */
  async function findFreeSlots(fullRead: boolean): Promise<Map<number, number>> {
    const read = fullRead ? slotNumbers(MAX_SLOTS) : slotsToRead
    const states = bySlot(slots, await leases.find(read.map((slot) => slotLeaseName(slots, slot))))
    const hasSession = (state: LeaseState | undefined) => (state?.note ?? null) !== null
    if (fullRead) slotsToRead = read.filter((slot) => slot <= slots.max || hasSession(states.get(slot)))
    const free = [...states].filter(
      ([slot, state]) => slot !== ownSlot && state.holder === null && hasSession(state),
    )
    return new Map(free.sort(([a], [b]) => a - b).map(([slot, { epoch }]) => [slot, epoch]))
  }

  async function adopt(slot: number): Promise<void> {
    const name = slotLeaseName(slots, slot)
    const { holder } = options
    const lease = await holdLease({ leases, name, holder, ttl: `${slots.ttl}ms`, logger })
    if (lease === null) return
    const slotLease = createSlotLease(lease, stopping)
    try {
      // Another process may have held the slot since it was read, and may have ended its session.
      const [state] = await leases.find([name])
      const note = (state?.note ?? null) as SlotNote | null
      if (note === null) return
      if (!(await mayEndSession({ leases, slots, slot, lease, note, holder, logger, stopping }))) return
      const clientId = slotClientId(slots, slot)
      const { sessions } = await endSessions(context, clientId, options.handlerSpecs(), slotLease)
      context.counters.sessionsAdopted += sessions
      await lease.note(null)
    } finally {
      await lease.release()
    }
  }
}

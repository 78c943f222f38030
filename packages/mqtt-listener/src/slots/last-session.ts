import type { Logger } from '@devicehub/core'
import type { LeaseStore } from '@devicehub/core/storage'
import { type HeldLease, holdLease } from '@devicehub/core/transport'
import { sleep } from '@devicehub-internal/async'
import type { SlotSettings } from '../settings/slot-settings.js'
import { endLeaseName, type SlotNote, slotLeaseName, slotNumbers } from './slot-leases.js'

export interface EndRequest {
  readonly leases: LeaseStore
  readonly slots: SlotSettings
  /** The slot whose session is to be ended. */
  readonly slot: number
  /** The lease of that slot, held by this process. */
  readonly lease: HeldLease
  /** What the lease says of the session so far. */
  readonly note: SlotNote
  /** This process. */
  readonly holder: string
  readonly logger: Logger
  /** Aborted: stops waiting for other processes that end their sessions. The answer is false. */
  readonly stopping?: AbortSignal
}

/**
 * Whether the session of a slot may be ended: only if another slot of the group has a subscribed session, since messages
 * sent to a group without one are lost. After `true` the slot's note is `unsure`, and no process counts on its session.
 */
export async function mayEndSession(request: EndRequest): Promise<boolean> {
  const { leases, slots, slot, lease, note } = request
  const guard = await waitForTurn(request)
  if (guard === null) return false
  try {
    // First changes its own note, then reads the others'. Two processes that do so at once cannot both see the other's
    // session as open.
    if (!(await lease.note('unsure'))) return false
    const others = slotNumbers(slots.max).filter((other) => other !== slot)
    const states = await leases.find(others.map((other) => slotLeaseName(slots, other)))
    if (states.some((other) => other.note === 'open')) return true
    await lease.note(note)
    return false
  } finally {
    await guard.release()
  }
}

const NEVER = new AbortController().signal

/** One process at a time decides. Null when it has waited too long, or when its slot is lost. */
async function waitForTurn(request: EndRequest): Promise<HeldLease | null> {
  const { leases, slots, lease, holder, logger, stopping = NEVER } = request
  const deadline = performance.now() + 2 * slots.ttl
  for (;;) {
    const guard = await holdLease({
      leases,
      name: endLeaseName(slots),
      holder,
      ttl: `${slots.ttl}ms`,
      logger,
    })
    if (guard !== null) return guard
    if (performance.now() > deadline || stopping.aborted || !lease.valid) return null
    await sleep(Math.min(slots.ttl / 50, 250), stopping)
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { type HeldLease, holdLease, type LeaseStore, type Logger } from '@devicehub/core'
import type { SlotSettings } from '../settings/options'
import { endLease, numbers, type SlotNote, slotLease } from './slots'

export interface EndRequest {
  readonly leases: LeaseStore
  readonly slots: SlotSettings
  /** The slot whose session is to be ended, and its lease. */
  readonly slot: number
  readonly lease: HeldLease
  /** What its note says. */
  readonly note: SlotNote
  /** Who asks. */
  readonly holder: string
  readonly logger: Logger
  /** Gives up waiting for others that end theirs. */
  readonly signal?: AbortSignal
}

/**
 * Whether the session of a slot may be ended: only while another slot of the group has one that is subscribed. What is
 * sent to a group without any subscription is lost. After a yes the slot's note is `unsure`, so that nobody counts on it.
 */
export async function mayEnd(request: EndRequest): Promise<boolean> {
  const { leases, slots, slot, lease, note, holder, logger, signal } = request
  const givenUp = performance.now() + 2 * slots.ttl
  let guard: HeldLease | null = null
  while (guard === null) {
    guard = await holdLease({ leases, name: endLease(slots), holder, ttl: slots.ttl, logger })
    if (guard !== null) break
    if (performance.now() > givenUp || signal?.aborted || !lease.valid) return false
    await sleep(Math.min(slots.ttl / 50, 250))
  }
  try {
    // First its own note, then a look at the others: of two that did both at once, and even without the guard, at least
    // one would see the other's.
    if (!(await lease.note('unsure'))) return false
    const others = numbers(slots.max).filter((other) => other !== slot)
    const states = await leases.find(others.map((other) => slotLease(slots, other)))
    if (states.some((other) => other.note === 'open')) return true
    await lease.note(note)
    return false
  } finally {
    await guard.release()
  }
}

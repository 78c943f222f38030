import type { LeaseState } from '@devicehub/core/storage'
import type { SlotSettings } from '../settings/slot-settings.js'

/**
 * What the lease of a slot says of the MQTT session with the slot's client id.
 * - `open`: the broker has the session, and it is subscribed.
 * - `unsure`: the broker may have the session, and it may be subscribed.
 * - null: there is no session.
 */
export type SlotNote = 'open' | 'unsure'

export const slotClientId = ({ group }: SlotSettings, slot: number): string => `${group}-${slot}`

export const isSlotClientId = ({ group }: SlotSettings, clientId: string): boolean =>
  clientId.startsWith(`${group}-`) && /^\d+(-|$)/.test(clientId.slice(group.length + 1))

export const slotLeaseName = ({ broker, group }: SlotSettings, slot: number): string =>
  `slot/${broker}/${group}/${slot}`

/** A process holds this lease while it decides whether to end a session of the group: one process at a time. */
export const endLeaseName = ({ broker, group }: SlotSettings): string => `slot/${broker}/${group}/end`

/** 1 to `max`. */
export const slotNumbers = (max: number): number[] => Array.from({ length: max }, (_, index) => index + 1)

/** The states of leases by their slot's number. */
export function bySlot(slots: SlotSettings, states: readonly LeaseState[]): Map<number, LeaseState> {
  const prefix = slotLeaseName(slots, 0).slice(0, -1)
  return new Map(states.map((state) => [Number(state.name.slice(prefix.length)), state]))
}

/**
 * The slots this process may claim, in the order to try them: the one it held last, then those with a session at the
 * broker, then the others; the lowest number first.
 */
export function claimableSlots(
  states: ReadonlyMap<number, LeaseState>,
  max: number,
  holder: string,
  lastSlot: number | null,
): number[] {
  const free = slotNumbers(max).filter((slot) => {
    const heldBy = states.get(slot)?.holder ?? null
    return heldBy === null || heldBy === holder
  })
  const rank = (slot: number) => {
    if (slot === lastSlot) return 0
    return (states.get(slot)?.note ?? null) !== null ? 1 : 2
  }
  return free.sort((a, b) => rank(a) - rank(b) || a - b)
}

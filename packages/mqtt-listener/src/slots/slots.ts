import { DeviceHubError, type LeaseState } from '@devicehub/core'
import type { BrokerOptions, SlotSettings } from '../settings/options'

/**
 * What a slot's holder writes down. `open`: its session is at the broker and subscribed. `unsure`: a session may be
 * there, and may not be subscribed. Null: there is none.
 */
export type SlotNote = 'open' | 'unsure'

/** No group can have more. */
export const MAX_SLOTS = 1_024

export const slotClientId = ({ group }: SlotSettings, slot: number): string => `${group}-${slot}`

export const slotLease = ({ broker, group }: SlotSettings, slot: number): string =>
  `slot/${broker}/${group}/${slot}`

/** Held by whoever is about to end a session of the group. */
export const endLease = ({ broker, group }: SlotSettings): string => `slot/${broker}/${group}/end`

export const isSlotClientId = ({ group }: SlotSettings, clientId: string): boolean =>
  clientId.startsWith(`${group}-`) && /^\d+(-|$)/.test(clientId.slice(group.length + 1))

/** Numbers of slots, from 1. */
export const numbers = (max: number): number[] => Array.from({ length: max }, (_, index) => index + 1)

/**
 * The slots to claim, best first: the one this process held before, then those in which a session waits, then those
 * never used; the lowest number first.
 */
export function claimable(
  states: ReadonlyMap<number, LeaseState>,
  max: number,
  holder: string,
  last: number | null,
): number[] {
  const free = numbers(max).filter((slot) => {
    const held = states.get(slot)?.holder ?? null
    return held === null || held === holder
  })
  const rank = (slot: number) => {
    if (slot === last) return 0
    return (states.get(slot)?.note ?? null) !== null ? 1 : 2
  }
  return free.sort((a, b) => rank(a) - rank(b) || a - b)
}

export function bySlot(slots: SlotSettings, states: readonly LeaseState[]): Map<number, LeaseState> {
  const prefix = slotLease(slots, 0).slice(0, -1)
  return new Map(states.map((state) => [Number(state.name.slice(prefix.length)), state]))
}

interface SlotContext extends Pick<BrokerOptions, 'slots' | 'clientId' | 'clean' | 'sharedGroup'> {
  readonly protocolVersion: 4 | 5
  readonly sessionExpiry: number
}

/** Checked; null without slots. Throws `invalid_options`. */
export function slotSettings(
  at: (text: string) => string,
  options: SlotContext,
  { host, port }: { readonly host: string; readonly port: number },
): SlotSettings | null {
  const { slots, clientId, clean, sharedGroup, protocolVersion, sessionExpiry } = options
  if (slots === undefined) return null
  const refuse = (message: string) =>
    new DeviceHubError('invalid_options', at(message), { details: { slots } })
  const { group, max, lease = 15, broker = `${host}:${port}` } = slots
  if (clientId !== undefined)
    throw refuse('give either `slots` or `clientId`: with slots each process leases its client id')
  if (clean)
    throw refuse(
      '`slots` goes without `clean`: a slot is a session that is kept until another process takes it',
    )
  if (sessionExpiry < 3 * lease)
    throw refuse(
      `sessionExpiry must be at least three times slots.lease (${3 * lease} s): another process needs that long to take over a session, and what is in one that expires is lost`,
    )
  if (max > 1 && protocolVersion === 4 && sharedGroup === undefined)
    throw refuse(
      'MQTT 3.1.1 has no shared subscriptions: with slots.max 1 the other processes stand by; or name a sharedGroup if your broker has them',
    )
  if (max > 1 && sharedGroup === false)
    throw refuse(
      'without a sharedGroup every slot would get every message: with slots.max 1 the other processes stand by',
    )
  return { group, max, ttl: lease * 1000, broker }
}

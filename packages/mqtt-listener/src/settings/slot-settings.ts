import { DeviceHubError } from '@devicehub/core'
import type { AcceptedBroker } from './option-rules.js'

/** The option `slots`, checked and with defaults. */
export interface SlotSettings {
  readonly group: string
  readonly max: number
  /** Duration of a lease in milliseconds. */
  readonly ttl: number
  readonly broker: string
}

/** The options of a broker that `slots` has to fit. */
interface SlotContext extends Pick<AcceptedBroker, 'slots' | 'clientId' | 'cleanStart' | 'sharedGroup'> {
  readonly protocolVersion: 4 | 5
  /** Seconds. */
  readonly sessionExpiry: number
}

/** Null without the option `slots`. Throws `invalid_options`; `at` puts the broker's name before the message. */
export function slotSettings(
  at: (text: string) => string,
  context: SlotContext,
  { host, port }: { readonly host: string; readonly port: number },
): SlotSettings | null {
  const { slots } = context
  if (slots === undefined) return null
  const { group, max, lease = 15_000, broker = `${host}:${port}` } = slots
  const conflict = conflictWith(context, max, lease)
  if (conflict !== null) throw new DeviceHubError('invalid_options', at(conflict), { details: { slots } })
  return { group, max, ttl: lease, broker }
}

/** Why the other options do not go together with `slots`; null when they do. */
function conflictWith(
  { clientId, cleanStart, sharedGroup, protocolVersion, sessionExpiry }: SlotContext,
  max: number,
  lease: number,
): string | null {
  if (clientId !== undefined)
    return 'give either `slots` or `clientId`: with slots each process leases its client id'
  if (cleanStart)
    return '`slots` goes without `cleanStart`: the broker must keep the session of a slot until another process takes it over'
  if (sessionExpiry * 1000 < 3 * lease)
    return `sessionExpiry must be at least three times slots.lease (${(3 * lease) / 1000} s): another process needs that long to take over a session, and the messages of a session that expires are lost`
  if (max > 1 && protocolVersion === 4 && sharedGroup === undefined)
    return 'MQTT 3.1.1 has no shared subscriptions. Set slots.max to 1: the other processes stand by. Or set sharedGroup, if your broker has shared subscriptions all the same'
  if (max > 1 && sharedGroup === false)
    return 'without a sharedGroup every slot would get every message. Set slots.max to 1: the other processes stand by'
  return null
}

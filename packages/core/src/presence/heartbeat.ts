import type { AnyDeviceType } from '../device-type/device-type.js'

/** Seconds between two signs of life, of a type that says nothing. */
const HEARTBEAT_INTERVAL = 300
/** How many intervals may pass. */
export const HEARTBEAT_MULTIPLIER = 2.5

type Heartbeat = { readonly options: Pick<AnyDeviceType['options'], 'heartbeatInterval'> }

/** Milliseconds between two signs of life of a device of this type. */
export const heartbeatOf = ({ options }: Heartbeat): number =>
  (options.heartbeatInterval ?? HEARTBEAT_INTERVAL) * 1000

/** Milliseconds without a sign of life after which a device of this type is overdue. */
export const heartbeatLimit = (type: Heartbeat, multiplier = HEARTBEAT_MULTIPLIER): number =>
  heartbeatOf(type) * multiplier

/**
 * Whether a device should have been heard of by now: more than `multiplier` (default 2.5) heartbeat intervals have
 * passed. One that never was is overdue too, although the presence monitor leaves it alone. `now`: epoch milliseconds.
 */
export function isHeartbeatOverdue(
  type: Heartbeat,
  device: { readonly lastSeen: Date | null },
  now: number = Date.now(),
  multiplier: number = HEARTBEAT_MULTIPLIER,
): boolean {
  return device.lastSeen === null || now - device.lastSeen.getTime() > heartbeatLimit(type, multiplier)
}

import { accept, date, number, optional, options, orNull, partOf } from '../model/check/index.js'
import { DEFAULT_HEARTBEAT_MULTIPLIER, optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'

type Heartbeat = { readonly options: Pick<AnyDeviceType['options'], 'heartbeatInterval'> }

/** Milliseconds between two signs of life of a device of this type. */
export const heartbeatOf = (type: Heartbeat): number => optionOf(type, 'heartbeatInterval') * 1000

/** Milliseconds without a sign of life after which a device of this type is overdue. */
export const heartbeatLimit = (type: Heartbeat, multiplier = DEFAULT_HEARTBEAT_MULTIPLIER): number =>
  heartbeatOf(type) * multiplier

/**
 * Whether a device should have been heard of by now: more than `multiplier` (default 2.5) heartbeat intervals have
 * passed. One that never was is overdue too, although the presence monitor leaves it alone.
 */
export function isHeartbeatOverdue(
  type: Heartbeat,
  device: { readonly lastSeen: Date | null },
  now: Date = new Date(),
  multiplier: number = DEFAULT_HEARTBEAT_MULTIPLIER,
): boolean {
  const given = accept('isHeartbeatOverdue', 'arguments', OVERDUE, { type, device, now, multiplier })
  const { lastSeen } = given.device
  return (
    lastSeen === null ||
    given.now.getTime() - lastSeen.getTime() > heartbeatLimit(given.type, given.multiplier)
  )
}

// A part of a type and of a device will do, since devices come over HTTP as well.
const OVERDUE = options<{
  readonly type: Heartbeat
  readonly device: { readonly lastSeen: Date | null }
  readonly now: Date
  readonly multiplier: number
}>({
  type: partOf<Heartbeat>(
    {
      options: partOf<Heartbeat['options']>(
        { heartbeatInterval: optional(number({ above: 0 })) },
        'the options of a device type',
      ),
    },
    'a device type',
  ),
  device: partOf<{ readonly lastSeen: Date | null }>({ lastSeen: orNull(date) }, 'a device'),
  now: date,
  multiplier: number({ above: 0 }),
})

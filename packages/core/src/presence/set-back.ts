import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { PresenceHub } from './presence-hub.js'

/** Milliseconds that two clocks which are kept in step may be apart. */
const APART_MAX = 5_000

/**
 * Sets times of devices back that lie ahead of this process's clock: it was set back, or another process's is ahead. Until
 * the clock has caught up, the silence of such a device would not be noticed. Resolves with how many there were; the log
 * says so once, until a sweep finds none.
 */
export function createSetBack({ types, storage, logger, metrics }: PresenceHub) {
  let isTold = false

  return async (now: number, limitOf: (type: AnyDeviceType) => number): Promise<number> => {
    let total = 0
    for (const type of types) {
      if (type.abstract) continue
      const after = now + Math.min(limitOf(type), APART_MAX)
      const count = await storage.devices.setBack(type, { after, now })
      if (count > 0) metrics.count('devicehub_presence_set_back_total', count, { type: type.key })
      total += count
    }
    if (total > 0 && !isTold)
      logger.warn(
        { devices: total },
        'devices were last seen at a time ahead of the clock of this process, which was set back or is behind that of another process; the times were set to now. Keep the clocks of all processes in step (NTP)',
      )
    isTold = total > 0
    return total
  }
}

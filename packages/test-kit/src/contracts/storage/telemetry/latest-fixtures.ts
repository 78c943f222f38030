import type { AnyDeviceType, Storage } from '@devicehub/core'
import { T0 } from '../fixtures.js'

export const YEAR_2106 = Date.UTC(2106, 1, 7)

/** By name of the reading: value and time. */
export async function lastOf(storage: Storage, type: AnyDeviceType, deviceId: string) {
  const [found] = await storage.readings.latest(type, [deviceId])
  if (!found) return null
  return Object.fromEntries(
    type.readingNames.flatMap((name, index) => {
      const last = found.values[index] ?? null
      return last === null ? [] : [[name, [last.value, last.at - T0]]]
    }),
  )
}

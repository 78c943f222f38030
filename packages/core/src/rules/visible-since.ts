import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import type { NewSample } from '../ports/commit.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { LatestReadings } from '../ports/readings.js'

/**
 * What of a device's past a scope shows, shared by every storage. A device that went to somebody else may hide what it
 * did before: its `visibleFrom`. Of its samples both times count: one that was measured before belongs to the past,
 * however late it came in, and one that claims a later time came in before.
 */
export const isSampleVisible = (
  { visibleFrom }: Pick<DeviceRecord, 'visibleFrom'>,
  { orderAt, receivedAt }: Pick<NewSample, 'orderAt' | 'receivedAt'>,
): boolean => visibleFrom === null || (orderAt >= visibleFrom && receivedAt >= visibleFrom)

/**
 * Since when messages and commands of a device are shown: those from before its creation are of a deleted device that
 * had the same id.
 */
export const shownSince = ({
  visibleFrom,
  createdAt,
}: Pick<DeviceRecord, 'visibleFrom' | 'createdAt'>): number => Math.max(createdAt, visibleFrom ?? createdAt)

/** The last values without those from before; null when none is left. */
export function visibleLatest(latest: LatestReadings, visibleFrom: number | null): LatestReadings | null {
  if (visibleFrom === null) return latest
  if (latest.orderAt < visibleFrom) return null
  return {
    ...latest,
    values: latest.values.map((value) => (value !== null && value.at >= visibleFrom ? value : null)),
  }
}

/** Of a change after which a device would not be in the scope that it is made in. */
export const outOfScope = (type: AnyDeviceType, deviceId: string): DeviceHubError =>
  new DeviceHubError(
    'out_of_scope',
    `${type.name} "${deviceId}" would not be in the scope of the hub that was asked for it. Nothing was written; do it with a hub whose scope has the device before and after.`,
    { details: { type: type.key, deviceId } },
  )

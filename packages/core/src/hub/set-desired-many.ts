import { type BulkTarget, TARGET } from '../commands/bulk.js'
import { accept } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { isDeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { DeviceStore } from '../ports/devices.js'
import { bulkDeviceIds, inSteps } from './bulk-devices.js'

/** What became of a change of the desired state of several devices. */
export interface DesiredManyResult {
  /** Devices whose desired state was set. */
  readonly set: number
  /** Ids that were given and that no device has. */
  readonly missing: readonly string[]
  /** Deactivated devices: they get none. */
  readonly inactive: readonly string[]
}

/** Devices that are changed at once: each is a transaction of its own. */
const AT_ONCE = 50

const CALL = 'twin.setDesiredMany'

/** Calls `set` for each device; what is of one device is counted, what is of the database or the patch ends it. */
export async function setDesiredMany(
  fleet: { readonly storage: { readonly devices: Pick<DeviceStore, 'list'> }; readonly clock: Clock },
  type: AnyDeviceType,
  target: BulkTarget,
  set: (deviceId: string) => Promise<unknown>,
): Promise<DesiredManyResult> {
  const whom = accept(CALL, 'target', TARGET, target)
  const counts = { set: 0, missing: [] as string[], inactive: [] as string[] }
  const one = async (deviceId: string) => {
    try {
      await set(deviceId)
      counts.set++
    } catch (error) {
      if (isDeviceHubError(error, 'device_not_found') || isDeviceHubError(error, 'invalid_device_id'))
        counts.missing.push(deviceId)
      else if (isDeviceHubError(error, 'device_inactive')) counts.inactive.push(deviceId)
      else throw error
    }
  }
  for await (const step of inSteps(bulkDeviceIds(CALL, fleet, type, whom), AT_ONCE)) {
    const done = await Promise.allSettled(step.map(one))
    const failed = done.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
  return counts
}

import type { BulkTarget } from '../commands/bulk.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { filterOf } from '../model/selector/conditions-of.js'
import type { Clock } from '../ports/clock.js'
import type { DeviceStore } from '../ports/devices.js'
import { eachDevice } from '../rules/each-device.js'

type Ids = Iterable<string> | AsyncIterable<string>

interface Fleet {
  readonly storage: { readonly devices: Pick<DeviceStore, 'list'> }
  readonly clock: Clock
}

/** The ids of a target that was checked: those given, or of the devices that its selector says from now on. */
export function bulkDeviceIds(
  call: string,
  { storage, clock }: Fleet,
  type: AnyDeviceType,
  target: BulkTarget,
): Ids {
  if ('deviceIds' in target) return target.deviceIds
  return idsOf(eachDevice(storage, type, filterOf(call, type, target.filter, clock.now())))
}

async function* idsOf(devices: AsyncIterable<{ readonly deviceId: string }>): AsyncGenerator<string> {
  for await (const { deviceId } of devices) yield deviceId
}

/** So many together, each once among them. */
export async function* inSteps(ids: Ids, size: number): AsyncGenerator<readonly string[]> {
  const step = new Set<string>()
  for await (const id of ids) {
    step.add(id)
    if (step.size < size) continue
    yield [...step]
    step.clear()
  }
  if (step.size > 0) yield [...step]
}

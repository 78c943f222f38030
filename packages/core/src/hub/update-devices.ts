import { type BulkTarget, TARGET } from '../commands/bulk.js'
import { accept } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { filterOf } from '../model/selector/conditions-of.js'
import { acceptSharedChange } from '../rules/device-row.js'
import { eachDevice } from '../rules/each-device.js'
import type { BulkDeviceUpdate, BulkUpdateResult } from './device-queries.js'
import type { DevicesContext } from './devices-api.js'

/** Devices a transaction. */
const STEP = 500

const CALL = 'devices.updateMany'
/** The same change of many devices, step by step. */
export async function updateMany<T extends AnyDeviceType>(
  { storage, directory, clock, assertType, maxMetadata }: DevicesContext,
  type: T,
  target: BulkTarget<T>,
  given: BulkDeviceUpdate,
): Promise<BulkUpdateResult> {
  assertType(CALL, type)
  const change = acceptSharedChange(CALL, given, maxMetadata)
  const whom = accept(CALL, 'target', TARGET, target) as BulkTarget<T>
  let changed = 0
  const missing: string[] = []
  for await (const step of inSteps(idsOf(whom))) {
    const found = await storage.devices.updateMany(type, step, change, clock.now())
    for (const deviceId of found) directory.forget(type, deviceId)
    changed += found.length
    if (found.length < step.length) {
      const there = new Set(found)
      missing.push(...step.filter((deviceId) => !there.has(deviceId)))
    }
  }
  // Devices that a selector found and somebody deleted meanwhile were never asked for by their ids.
  return { changed, missing: 'deviceIds' in whom ? missing : [] }

  function idsOf(whom: BulkTarget<T>): Iterable<string> | AsyncIterable<string> {
    if ('deviceIds' in whom) return whom.deviceIds
    return deviceIdsOf(eachDevice(storage, type, filterOf(CALL, type, whom.filter, clock.now())))
  }
}

async function* deviceIdsOf(devices: AsyncIterable<{ readonly deviceId: string }>): AsyncGenerator<string> {
  for await (const { deviceId } of devices) yield deviceId
}

async function* inSteps(ids: Iterable<string> | AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  const step = new Set<string>()
  for await (const id of ids) {
    step.add(id)
    if (step.size < STEP) continue
    yield [...step]
    step.clear()
  }
  if (step.size > 0) yield [...step]
}

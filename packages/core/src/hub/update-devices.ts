import { type BulkTarget, TARGET } from '../commands/bulk.js'
import { accept } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { acceptSharedChange } from '../rules/device-row.js'
import { bulkDeviceIds, inSteps } from './bulk-devices.js'
import type { BulkDeviceUpdate, BulkUpdateResult } from './device-queries.js'
import type { DevicesContext } from './devices-api.js'

/** Devices a transaction. */
const STEP = 500

const CALL = 'devices.updateMany'

/** The same change of many devices, step by step. */
export async function updateMany<T extends AnyDeviceType>(
  context: DevicesContext,
  type: T,
  target: BulkTarget<T>,
  given: BulkDeviceUpdate,
): Promise<BulkUpdateResult> {
  const { storage, directory, clock, assertType, maxMetadata } = context
  assertType(CALL, type)
  const change = acceptSharedChange(CALL, given, maxMetadata)
  const whom = accept(CALL, 'target', TARGET, target)
  let changed = 0
  const missing: string[] = []
  for await (const step of inSteps(bulkDeviceIds(CALL, context, type, whom), STEP)) {
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
}

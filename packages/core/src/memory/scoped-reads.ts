import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { MessageRef, StoredMessage } from '../model/message.js'
import type { Condition } from '../model/selector/condition.js'
import type { DevicesOfType } from '../ports/commands.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { LatestReadings, StoredSample } from '../ports/readings.js'
import type { IsVisible } from './commands.js'
import type { MemoryDatabase } from './database.js'
import { rowWithin } from './devices.js'
import { getMessage } from './messages.js'
import type { OpenedMemory } from './opened-memory.js'
import { latestReadings, latestSamples } from './readings.js'
import type { SampleRow } from './tables.js'

/** The row of a device that is in the scope, each looked for once. */
function devicesWithin(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  within: Condition,
): (deviceId: string) => DeviceRecord | null {
  const known = new Map<string, DeviceRecord | null>()
  return (deviceId) => {
    const seen = known.get(deviceId)
    if (seen !== undefined) return seen
    const record = rowWithin(database, opened, type, deviceId, within)?.record ?? null
    known.set(deviceId, record)
    return record
  }
}

export function visibleSamples(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  within: Condition | undefined,
): ((row: SampleRow) => boolean) | undefined {
  if (within === undefined) return undefined
  const deviceOf = devicesWithin(database, opened, type, within)
  return ({ sample }) => deviceOf(sample.deviceId) !== null
}

export function latestWithin(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition | undefined,
): LatestReadings[] {
  if (within === undefined) return latestReadings(opened, type, deviceIds)
  const deviceOf = devicesWithin(database, opened, type, within)
  const inScope = deviceIds.filter((deviceId) => deviceOf(deviceId) !== null)
  return latestReadings(opened, type, inScope)
}

export function latestSamplesWithin(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition | undefined,
): StoredSample[] {
  if (within === undefined) return latestSamples(opened, type, deviceIds)
  const deviceOf = devicesWithin(database, opened, type, within)
  const inScope = deviceIds.filter((deviceId) => deviceOf(deviceId) !== null)
  return latestSamples(opened, type, inScope)
}

/**
 * Messages without a type are of no device. Those from before a device's creation are of a deleted one that had its id.
 * By the time of their commit: the first message of a device that registers itself is received before it is created.
 */
export function visibleMessages(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType | null,
  within: Condition | undefined,
): ((message: StoredMessage) => boolean) | undefined {
  if (within === undefined) return undefined
  if (type === null) return () => false
  const deviceOf = devicesWithin(database, opened, type, within)
  return ({ deviceId, processedAt }) => {
    const device = deviceId === null ? null : deviceOf(deviceId)
    return device !== null && processedAt >= device.createdAt
  }
}

export function messageWithin(
  database: MemoryDatabase,
  opened: OpenedMemory,
  ref: MessageRef,
  within: Condition | undefined,
): StoredMessage | null {
  const type = opened.types.find(({ key }) => key === ref.typeKey) ?? null
  const isVisible = visibleMessages(database, opened, type, within)
  const message = getMessage(opened, ref)
  return message !== null && isVisible?.(message) !== false ? message : null
}

export function visibleCommands(
  database: MemoryDatabase,
  opened: OpenedMemory,
  within: readonly DevicesOfType[] | undefined,
): IsVisible | undefined {
  if (within === undefined) return undefined
  const devices = new Map(
    within.map(({ type, condition }) => [type.key, devicesWithin(database, opened, type, condition)]),
  )
  return ({ typeKey, given }) => {
    const device = devices.get(typeKey)?.(given.deviceId) ?? null
    return device !== null && given.createdAt >= device.createdAt
  }
}

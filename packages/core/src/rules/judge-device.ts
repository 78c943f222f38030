import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition, DeviceValue } from '../model/selector/condition.js'
import type { StoredValue } from '../model/values.js'
import type { DeviceRecord } from '../ports/devices.js'
import { asciiLower } from './ascii-lower.js'

/** What of a device a condition is judged by. */
export interface JudgedDevice {
  /** Its row. */
  readonly record: DeviceRecord
  /** The last value of each reading in the order of `type.readingNames`; asked for only where the condition speaks of one. */
  lastValues(): readonly StoredValue[]
  /** Whether what is desired of it is what it reported; asked for only where the condition speaks of it. */
  isInSync(): boolean
}

/**
 * Whether a condition holds for a device of the type: what every storage answers alike. For storages that look at their
 * rows themselves; others put the condition into the language of their database.
 */
export function judgeDevice(type: AnyDeviceType, condition: Condition, device: JudgedDevice): boolean {
  switch (condition.kind) {
    case 'all':
      return condition.of.every((each) => judgeDevice(type, each, device))
    case 'any':
      return condition.of.some((each) => judgeDevice(type, each, device))
    case 'not':
      return !judgeDevice(type, condition.of, device)
    case 'oneOf': {
      const value = deviceValue(type, condition.value, device)
      return value !== null && condition.values.includes(value)
    }
    case 'compare': {
      const value = deviceValue(type, condition.value, device)
      return typeof value === 'number' && RELATIONS[condition.relation](value, condition.with)
    }
    case 'absent':
      return deviceValue(type, condition.value, device) === null
    case 'search': {
      const wanted = asciiLower(condition.text)
      const { deviceId, name } = device.record
      return asciiLower(deviceId).includes(wanted) || asciiLower(name).includes(wanted)
    }
    case 'inSync':
      return device.isInSync()
  }
}

const RELATIONS = {
  lt: (value: number, bound: number) => value < bound,
  lte: (value: number, bound: number) => value <= bound,
  gt: (value: number, bound: number) => value > bound,
  gte: (value: number, bound: number) => value >= bound,
}

/** Null where the device has none. */
export function deviceValue(
  type: AnyDeviceType,
  value: DeviceValue,
  { record, lastValues }: JudgedDevice,
): StoredValue {
  switch (value.of) {
    case 'device':
      return record[value.name]
    case 'state':
      return record.state[type.stateNames.indexOf(value.name)] ?? null
    case 'label':
      return Object.hasOwn(record.labels, value.name) ? (record.labels[value.name] ?? null) : null
    case 'reading':
      return lastValues()[type.readingNames.indexOf(value.name)] ?? null
  }
}

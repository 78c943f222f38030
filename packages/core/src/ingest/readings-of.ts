import { fromStored } from '../model/codec/stored-value.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import type { NewSample } from '../ports/storage.js'

/** Typed values by name; what the sample did not have is absent. */
export function readingsOf(
  type: AnyDeviceType,
  { values }: Pick<NewSample, 'values'>,
): Record<string, unknown> {
  const readings: Record<string, unknown> = {}
  for (let i = 0; i < type.readingNames.length; i++) {
    const name = type.readingNames[i] as string
    const value = values[i] ?? null
    if (value !== null) readings[name] = fromStored(type.readings[name] as Field, value)
  }
  return readings
}

import { toStored } from '../model/codec/stored-value.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import type { StoredValue } from '../model/values.js'
import type { TwinRecord } from '../ports/twins.js'

type DesiredAndState = Pick<TwinRecord, 'desired' | 'state'>

/** The desired fields that differ from the reported ones, in stored form. */
export function deltaOf(type: AnyDeviceType, record: DesiredAndState): Record<string, StoredValue> {
  const delta: Record<string, StoredValue> = {}
  for (const [name, value] of Object.entries(storedDesired(type, record))) {
    const reported = record.state[type.stateNames.indexOf(name)] ?? null
    if (!isSame(type.state[name] as Field, value, reported)) delta[name] = value
  }
  return delta
}

/** Whether each desired field was reported as it is desired; true where nothing is desired. */
export const isInSync = (type: AnyDeviceType, record: DesiredAndState): boolean =>
  Object.keys(deltaOf(type, record)).length === 0

/** A field that another release declared is left out: there is nothing to compare it with. */
export function storedDesired(
  type: AnyDeviceType,
  { desired }: DesiredAndState,
): Record<string, StoredValue> {
  const values: Record<string, StoredValue> = {}
  for (const [name, value] of Object.entries(desired)) {
    const field = Object.hasOwn(type.state, name) ? type.state[name] : undefined
    if (field !== undefined)
      values[name] = toStored({ ...field, min: null, max: null, maxLength: null }, value, name)
  }
  return values
}

/** As JSON has them: the order of an object's keys is no difference. */
function isSame(field: Field, a: StoredValue, b: StoredValue): boolean {
  if (a === null || b === null) return a === b
  if (field.kind === 'json' || field.kind === 'geo')
    return canonical(JSON.parse(a as string)) === canonical(JSON.parse(b as string))
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  return a === b
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([x], [y]) => (x < y ? -1 : 1)))
      : member,
  )

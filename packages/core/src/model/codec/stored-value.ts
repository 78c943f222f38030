import type { Field } from '../device-type/field.js'
import { DeviceHubError } from '../errors.js'
import type { StoredValue } from '../values.js'
import { encodeBase64 } from './base64.js'
import { compileFieldCheck, describeField, type FieldCheck } from './field-check.js'

/** Fields are frozen and live as long as their type. */
const checks = new WeakMap<Field, FieldCheck>()

function checkOf(field: Field): FieldCheck {
  let check = checks.get(field)
  if (check === undefined) {
    check = compileFieldCheck(field)
    checks.set(field, check)
  }
  return check
}

/**
 * A caller's value in its stored form: `Date` and `Uint8Array` as well as what JSON has for them (RFC 3339 or epoch,
 * base64). `invalid_payload` for one that does not fit, a number outside the range included; the message names `name`.
 */
export function toStored(field: Field, value: unknown, name = `a ${field.kind}`): StoredValue {
  if (value === null || value === undefined) {
    if (field.nullable) return null
    throw unfit(name, 'must have a value')
  }
  const stored = checkOf(field)(value)
  if (stored === undefined) throw unfit(name, `must be ${describeField(field)}`)
  if (typeof stored === 'number' && isOutOfRange(field, stored)) {
    throw unfit(name, `must lie within ${field.min ?? '-∞'} and ${field.max ?? '∞'}`)
  }
  return stored
}

const isOutOfRange = ({ min, max }: Field, value: number): boolean =>
  (min !== null && value < min) || (max !== null && value > max)

/** The value that callers see: `Date`, `Uint8Array`, parsed JSON. */
export function fromStored(field: Field, stored: StoredValue): unknown {
  if (stored === null) return null
  switch (field.kind) {
    case 'datetime':
      return new Date(stored as number)
    case 'json':
    case 'geo':
      return JSON.parse(stored as string)
    default:
      return stored
  }
}

/** The same as JSON has it, for answers and streams: times in RFC 3339, bytes in base64. */
export function toJson(field: Field, stored: StoredValue): unknown {
  if (stored === null) return null
  if (field.kind === 'datetime') return new Date(stored as number).toISOString()
  if (field.kind === 'binary') return encodeBase64(stored as Uint8Array)
  return fromStored(field, stored)
}

const unfit = (name: string, rule: string) =>
  new DeviceHubError('invalid_payload', `${name} ${rule}`, { details: { field: name } })

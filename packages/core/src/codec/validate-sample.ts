import type { AnyDeviceType, IngestPolicies } from '../device-type/device-type.js'
import type { Field } from '../device-type/field.js'
import type { StoredValue } from '../ports/storage.js'
import { compileFieldCheck, describeField, type FieldCheck } from './field-check.js'
import type { RawSample } from './parse-data.js'

/** A sample ready to be stored. */
export interface ValidSample {
  /** In the order of `type.readingNames`; null for what was not sent. */
  readonly values: readonly StoredValue[]
  /** Those of the raw sample, then `out_of_range:<reading>`, `clamped:<reading>`, `unknown_field`. */
  readonly flags: readonly string[]
}

/** `'code' in result` tells it apart. */
export interface SampleRefusal {
  readonly code: 'invalid_type' | 'missing_reading' | 'out_of_range' | 'unknown_field' | 'no_readings'
  readonly reason: string
}

/** Never throws, whatever the sample. */
export type SampleValidator = (sample: Pick<RawSample, 'fields' | 'flags'>) => ValidSample | SampleRefusal

export type SamplePolicies = Pick<IngestPolicies, 'unknownField' | 'outOfRange'>

/** What a flat sample says of itself: no readings, and not unknown. The device's own id is sent along by many. */
const HEAD_NAMES = ['timestamp', 'id', 'device_id']

interface Column {
  readonly name: string
  readonly check: FieldCheck
  readonly nullable: boolean
  readonly min: number
  readonly max: number
  readonly field: Field
}

/** Made once a type: decides what can be decided before the first sample. The type's own policies go before the given ones. */
export function compileSampleValidator(
  type: AnyDeviceType,
  policies: Partial<SamplePolicies> = {},
): SampleValidator {
  const outOfRange = type.options.outOfRange ?? policies.outOfRange ?? 'flag'
  const unknownField = type.options.unknownField ?? policies.unknownField ?? 'ignore'
  const columns = type.readingNames.map((name): Column => {
    const field = type.readings[name] as Field
    return {
      name,
      check: compileFieldCheck(field),
      nullable: field.nullable,
      min: field.min ?? Number.NEGATIVE_INFINITY,
      max: field.max ?? Number.POSITIVE_INFINITY,
      field,
    }
  })
  const known = new Set([...type.readingNames, ...HEAD_NAMES])
  const { length } = columns

  return ({ fields, flags: given }) => {
    const values: StoredValue[] = []
    let flags = given
    let seen = false
    for (let i = 0; i < length; i++) {
      const column = columns[i] as Column
      const raw = fields[column.name]
      if (raw === undefined || raw === null) {
        if (!column.nullable) return missing(type, column)
        seen ||= raw === null
        values.push(null)
        continue
      }
      seen = true
      let value = column.check(raw)
      if (value === undefined) return misfit(column)
      if (typeof value === 'number' && (value < column.min || value > column.max)) {
        if (outOfRange === 'reject') return outside(column, value)
        if (outOfRange === 'clamp') {
          value = value < column.min ? column.min : column.max
          flags = [...flags, `clamped:${column.name}`]
        } else flags = [...flags, `out_of_range:${column.name}`]
      }
      values.push(value)
    }
    if (!seen) return noReadings(type, fields)
    if (unknownField !== 'ignore') {
      const stranger = Object.keys(fields).find((name) => !known.has(name))
      if (stranger !== undefined) {
        if (unknownField === 'reject') return unknown(type, stranger)
        flags = [...flags, 'unknown_field']
      }
    }
    return { values, flags }
  }
}

const missing = (type: AnyDeviceType, { name }: Column): SampleRefusal => ({
  code: 'missing_reading',
  reason: `${type.name}.${name} is required and was not sent`,
})

const misfit = ({ name, field }: Column): SampleRefusal => ({
  code: 'invalid_type',
  reason: `${name} must be ${describeField(field)}`,
})

const outside = ({ name, field }: Column, value: number): SampleRefusal => ({
  code: 'out_of_range',
  reason: `${name} is ${value}; its range is ${field.min ?? '-∞'} to ${field.max ?? '∞'}`,
})

const unknown = (type: AnyDeviceType, name: string): SampleRefusal => ({
  code: 'unknown_field',
  reason: `${type.name} has no reading "${show(name)}"; declared are ${type.readingNames.join(', ')}`,
})

function noReadings(type: AnyDeviceType, fields: Readonly<Record<string, unknown>>): SampleRefusal {
  const sent = Object.keys(fields).filter((name) => !HEAD_NAMES.includes(name))
  const what =
    sent.length === 0
      ? 'no reading was sent'
      : `"${sent.slice(0, 5).map(show).join('", "')}" is no reading of ${type.name}`
  return { code: 'no_readings', reason: `${what}; declared are ${type.readingNames.join(', ') || 'none'}` }
}

/** Part of a stranger's text in a reason: short and printable. */
const show = (text: string): string => text.slice(0, 60).replace(/[^\x20-\x7e]/g, '?')

import { DEFAULT_POLICIES } from '../device-type/default-options.js'
import type { AnyDeviceType, IngestPolicies } from '../device-type/device-type.js'
import type { Field } from '../device-type/field.js'
import { formerNamesOf } from '../device-type/former-names.js'
import type { StoredValue } from '../values.js'
import { compileFieldCheck, describeField, type FieldCheck } from './field-check.js'
import type { RawSample } from './parse-data.js'
import { ID_FIELD, TIMESTAMP_FIELD } from './sample-head.js'
import { toLine } from './text.js'
import { wallClockOf } from './time-zone.js'

/** A sample ready to be stored. */
export interface ValidSample {
  /** In the order of `type.readingNames`; null for what was not sent, and for what does not fit. */
  readonly values: readonly StoredValue[]
  /**
   * Those of the raw sample, then `out_of_range:<reading>`, `clamped:<reading>`, `bad_reading:<reading>`, `bad_item`,
   * `two_names:<reading>`, `unknown_field`.
   */
  readonly flags: readonly string[]
  /** Why readings were left out, one sentence each; absent when none was. */
  readonly problems?: readonly string[]
}

/** `'code' in result` tells it apart. */
export interface SampleRefusal {
  /** For the audit row. */
  readonly code:
    | 'invalid_type'
    | 'invalid_shape'
    | 'missing_reading'
    | 'out_of_range'
    | 'unknown_field'
    | 'no_readings'
  /** What is wrong with the sample, in a sentence. */
  readonly reason: string
}

/** Never throws, whatever the sample. */
export type SampleValidator = (
  sample: Pick<RawSample, 'fields' | 'flags' | 'malformed'>,
) => ValidSample | SampleRefusal

export type SamplePolicies = Pick<IngestPolicies, 'unknownField' | 'outOfRange' | 'badReading' | 'timeZone'>

/** What a flat sample says of itself: no readings, and not unknown. The device's own id is sent along by many. */
const HEAD_NAMES = [TIMESTAMP_FIELD, ID_FIELD, 'device_id']

interface Column {
  readonly name: string
  /** Under which older devices send it. */
  readonly formerNames: readonly string[] | null
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
  const options = { ...DEFAULT_POLICIES, ...policies, ...type.options }
  const { outOfRange, unknownField, badReading } = options
  const wallClock = wallClockOf(options.timeZone)
  const head = [...HEAD_NAMES, options.timestampField, options.sampleId].filter((name) => !!name) as string[]
  const columns = type.readingNames.map((name): Column => {
    const field = type.readings[name] as Field
    // What the payload says of the sample itself never was a reading.
    const formerNames = formerNamesOf(field).filter((former) => !head.includes(former))
    return {
      name,
      formerNames: formerNames.length === 0 ? null : formerNames,
      check: compileFieldCheck(field, wallClock),
      nullable: field.nullable,
      min: field.min ?? Number.NEGATIVE_INFINITY,
      max: field.max ?? Number.POSITIVE_INFINITY,
      field,
    }
  })
  const declared = new Set(columns.flatMap(({ name, formerNames }) => [name, ...(formerNames ?? [])]))
  const known = new Set([...declared, ...head])
  const { length } = columns

  return ({ fields, flags: given, malformed }) => {
    const values = new Array<StoredValue>(length)
    const problems: string[] = []
    let flags = given
    let seen = false
    for (let i = 0; i < length; i++) {
      const column = columns[i] as Column
      let raw = fields[column.name]
      if (column.formerNames !== null)
        for (const former of column.formerNames) {
          const old = fields[former]
          if (old === undefined) continue
          if (raw === undefined) raw = old
          else if (isOther(raw, old, column) && !flags.includes(`two_names:${column.name}`))
            flags = [...flags, `two_names:${column.name}`]
        }
      if (raw === undefined || raw === null) {
        if (!column.nullable) return missing(type, column)
        seen ||= raw === null
        values[i] = null
        continue
      }
      let value = column.check(raw)
      if (value === undefined) {
        const refusal = misfit(column)
        if (badReading === 'reject' || !column.nullable) return refusal
        problems.push(refusal.reason)
        flags = [...flags, `bad_reading:${column.name}`]
        values[i] = null
        continue
      }
      seen = true
      if (typeof value === 'number' && (value < column.min || value > column.max)) {
        if (outOfRange === 'reject') return outside(column, value)
        if (outOfRange === 'clamp') {
          value = value < column.min ? column.min : column.max
          flags = [...flags, `clamped:${column.name}`]
        } else flags = [...flags, `out_of_range:${column.name}`]
      }
      values[i] = value
    }
    if (malformed !== undefined) {
      const [first] = malformed
      if (first !== undefined && (badReading === 'reject' || (!seen && problems.length === 0)))
        return { code: 'invalid_shape', reason: first.reason }
      for (const { name, reason } of malformed) {
        const flag = name !== null && declared.has(name) ? `bad_reading:${name}` : 'bad_item'
        if (!flags.includes(flag)) flags = [...flags, flag]
        problems.push(reason)
      }
    }
    if (!seen) {
      const [first] = problems
      return first === undefined ? noReadings(type, fields, known) : { code: 'invalid_type', reason: first }
    }
    if (unknownField !== 'ignore') {
      const stranger = Object.keys(fields).find((name) => !known.has(name))
      if (stranger !== undefined) {
        if (unknownField === 'reject') return unknown(type, stranger)
        flags = [...flags, 'unknown_field']
      }
    }
    return problems.length === 0 ? { values, flags } : { values, flags, problems }
  }
}

/** As stored: two objects with the same members are one value. */
const isOther = (raw: unknown, old: unknown, { check }: Column): boolean =>
  raw !== old && (raw === null || old === null || String(check(raw)) !== String(check(old)))

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

function noReadings(
  type: AnyDeviceType,
  fields: Readonly<Record<string, unknown>>,
  known: ReadonlySet<string>,
): SampleRefusal {
  const sent = Object.keys(fields).filter((name) => !known.has(name))
  const what =
    sent.length === 0
      ? 'no reading was sent'
      : `"${sent.slice(0, 5).map(show).join('", "')}" is no reading of ${type.name}`
  return { code: 'no_readings', reason: `${what}; declared are ${type.readingNames.join(', ') || 'none'}` }
}

const show = (text: string): string => toLine(text, 60)

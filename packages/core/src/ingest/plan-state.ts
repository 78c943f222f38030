import { compileFieldCheck, describeField, type FieldCheck } from '../codec/field-check.js'
import { isRecord } from '../codec/is-record.js'
import { readHead } from '../codec/sample-head.js'
import type { AnyDeviceType, IngestPolicies } from '../device-type/device-type.js'
import type { Field } from '../device-type/field.js'
import type { StoredValue } from '../ports/storage.js'
import type { Refusal } from './ingest.js'
import type { Content } from './planned-message.js'

export type StatePlanner = (value: unknown, receivedAt: number) => Content | Refusal

interface StateColumn {
  readonly field: Field
  readonly check: FieldCheck
}

/**
 * What a `state` payload reports: `{"reported": {...}, "version": 3}`. What fits is taken field by field; the audit row
 * names what does not. What claims to be measured in the future counts as of now.
 */
export function compileStatePlanner(type: AnyDeviceType, policies: IngestPolicies): StatePlanner {
  const columns = new Map<string, StateColumn>(
    type.stateNames.map((name) => {
      const field = type.state[name] as Field
      return [name, { field, check: compileFieldCheck(field) }]
    }),
  )
  const outOfRange = type.options.outOfRange ?? policies.outOfRange
  const unknownField = type.options.unknownField ?? policies.unknownField

  return (value, receivedAt) => {
    if (!isRecord(value) || !isRecord(value.reported)) return unreadable
    const { timestamp, flags: headFlags } = readHead({ timestamp: value.timestamp })
    const flags = [...headFlags]
    const values: Record<string, StoredValue> = Object.create(null)
    const problems: Refusal[] = []

    for (const [name, raw] of Object.entries(value.reported)) {
      const column = columns.get(name)
      if (column === undefined) {
        if (unknownField === 'reject') problems.push(unknown(type, name))
        else if (unknownField === 'flag' && !flags.includes('unknown_field')) flags.push('unknown_field')
        continue
      }
      const taken = takeValue(name, raw, column)
      if (typeof taken === 'object' && taken !== null && 'code' in taken) problems.push(taken)
      else values[name] = taken
    }

    function takeValue(name: string, raw: unknown, { field, check }: StateColumn): StoredValue | Refusal {
      if (raw === null || raw === undefined) return field.nullable ? null : misfit(name, 'have a value')
      const stored = check(raw)
      if (stored === undefined) return misfit(name, `be ${describeField(field)}`)
      if (typeof stored !== 'number') return stored
      const [min, max] = [field.min ?? Number.NEGATIVE_INFINITY, field.max ?? Number.POSITIVE_INFINITY]
      if (stored >= min && stored <= max) return stored
      if (outOfRange === 'reject')
        return { code: 'out_of_range', reason: `${name} is ${stored}; its range is ${min} to ${max}` }
      flags.push(`${outOfRange === 'clamp' ? 'clamped' : 'out_of_range'}:${name}`)
      return outOfRange === 'clamp' ? Math.min(Math.max(stored, min), max) : stored
    }

    const version =
      Number.isSafeInteger(value.version) && (value.version as number) >= 0 ? (value.version as number) : null
    if (version === null && value.version !== undefined && value.version !== null) flags.push('bad_version')
    const [first] = problems
    if (first !== undefined && Object.keys(values).length === 0) return first
    const at = Math.min(timestamp ?? receivedAt, receivedAt)
    if (first !== undefined) flags.push('partial')
    return {
      samples: [],
      news: null,
      at,
      flags: flags.length === 0 ? null : flags.join(' '),
      partial:
        first === undefined
          ? null
          : {
              code: 'partially_rejected',
              reason: `${problems.length} fields were refused: ${problems
                .slice(0, 3)
                .map(({ reason }) => reason)
                .join('; ')}`,
            },
      report: { values, version, at },
    }
  }
}

const unreadable: Refusal = {
  code: 'invalid_shape',
  reason: 'a state must be an object such as {"reported": {"mode": "burst"}, "version": 3}',
}

const misfit = (name: string, rule: string): Refusal => ({
  code: 'invalid_type',
  reason: `${name} must ${rule}`,
})

const unknown = (type: AnyDeviceType, name: string): Refusal => ({
  code: 'unknown_field',
  reason: `${type.name} has no state field "${name.slice(0, 60).replace(/[^\x20-\x7e]/g, '?')}"; declared are ${type.stateNames.join(', ') || 'none'}`,
})

import { compileFieldCheck, describeField, type FieldCheck } from '../model/codec/field-check.js'
import { isRecord } from '../model/codec/is-record.js'
import { toLine } from '../model/codec/text.js'
import { wallClockOf } from '../model/codec/time-zone.js'
import type { AnyDeviceType, IngestPolicies } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import { formerNamesOf } from '../model/device-type/former-names.js'
import type { StoredValue } from '../model/values.js'
import type { Refusal } from './ingest.js'
import { compileClaimJudge, headOf } from './sample-time.js'
import type { Content } from './taken-message.js'

/** `retained`: the broker kept the report and handed it out at the subscription. */
export type StatePlanner = (value: unknown, receivedAt: number, retained: boolean) => Content | Refusal

interface StateColumn {
  readonly name: string
  readonly field: Field
  readonly check: FieldCheck
}

/**
 * What a `state` payload reports: `{"reported": {...}, "version": 3}`. What fits is taken field by field; the audit row
 * names what does not. A retained report fills in what nobody reported yet, and is taken when the device's own time or
 * version says that it is newer: it never passes for a report of now.
 */
export function compileStatePlanner(type: AnyDeviceType, policies: IngestPolicies<number>): StatePlanner {
  const wallClock = wallClockOf(type.options.timeZone ?? policies.timeZone)
  const columns = new Map<string, StateColumn>()
  for (const name of type.stateNames) {
    const field = type.state[name] as Field
    const column = { name, field, check: compileFieldCheck(field, wallClock) }
    // Under a former name too: devices with older firmware report it.
    for (const key of [name, ...formerNamesOf(field)]) columns.set(key, column)
  }
  const head = headOf(type, policies)
  const claims = compileClaimJudge(type, policies)
  const outOfRange = type.options.outOfRange ?? policies.outOfRange
  const unknownField = type.options.unknownField ?? policies.unknownField

  return (value, receivedAt, retained) => {
    if (!isRecord(value) || !isRecord(value.reported)) return unreadable
    const { timestamp, flags: headFlags } = head(value, receivedAt)
    // A report has no id.
    const flags = headFlags.filter((flag) => flag !== 'bad_id')
    const { reported } = value
    const values: Record<string, StoredValue> = Object.create(null)
    const problems: Refusal[] = []

    for (const [name, raw] of Object.entries(reported)) {
      const column = columns.get(name)
      if (column === undefined) {
        if (unknownField === 'reject') problems.push(unknown(type, name))
        else if (unknownField === 'flag' && !flags.includes('unknown_field')) flags.push('unknown_field')
        continue
      }
      if (column.name !== name && reported[column.name] !== undefined) {
        if (reported[column.name] !== raw) flags.push(`two_names:${column.name}`)
        continue
      }
      const taken = takeValue(raw, column)
      if (typeof taken === 'object' && taken !== null && 'code' in taken) problems.push(taken)
      else values[column.name] = taken
    }

    function takeValue(raw: unknown, { name, field, check }: StateColumn): StoredValue | Refusal {
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
    const claimedAt = claims.orderOf(timestamp, receivedAt)
    if (retained) flags.push('retained')
    if (first !== undefined) flags.push('partial')
    return {
      samples: [],
      news: null,
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
      report: { values, version, at: retained ? BEFORE_ALL : receivedAt, claimedAt },
    }
  }
}

/** Earlier than any report that came in live. */
const BEFORE_ALL = 0

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
  reason: `${type.name} has no state field "${toLine(name, 60)}"; declared are ${type.stateNames.join(', ') || 'none'}`,
})

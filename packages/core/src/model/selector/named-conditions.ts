import { fits, Misfit, meant, type Rule } from '../check/index.js'
import { keysOf, read, within } from '../check/options.js'
import { misfit } from '../check/rule.js'
import { showText } from '../check/show-value.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import type { Field } from '../device-type/field.js'
import { allOf, type Condition, type DeviceValue, EVERY_DEVICE, NO_DEVICE, notOf } from './condition.js'
import { ANY, comparableField } from './field-value.js'
import { labelKey, labelValue } from './labels.js'
import { matching } from './matching.js'

/** Conditions on what has a name of its own in each type or device: labels, state fields, readings. */

/** Of one selector, however deep. */
export const PARTS_MAX = 1000

export interface Context {
  /** Null: any type. */
  readonly type: AnyDeviceType | null
  /** Those that the selector is about, `type` among them. */
  readonly types: readonly AnyDeviceType[]
  readonly now: number
  /** Parts that it may still have. */
  left: number
}

export const tooLarge = (at: string, problem: string) =>
  new Misfit(at || 'selector', problem, 'a smaller selector')

export function labelsRule(context: Context): Rule<Condition> {
  return byName('labels by key', context, (key, at) => {
    labelKey.take(key, at)
    return matching({ of: 'label', name: key }, { rule: labelValue, order: null })
  })
}

export function fieldsRule(context: Context, of: 'state' | 'reading'): Rule<Condition> {
  const fieldsOf = (type: AnyDeviceType) => (of === 'state' ? type.state : type.readings)
  return byName(`${of === 'state' ? 'state fields' : 'readings'} by name`, context, (name, at) => {
    if (context.type === null) return matching({ of, name }, ANY)
    const fields = context.types.flatMap((type) =>
      Object.hasOwn(fieldsOf(type), name) ? [{ type, field: fieldsOf(type)[name] as Field }] : [],
    )
    if (fields.length === 0) throw unknownField(of, name, at, context.types.map(fieldsOf))
    return fieldRule(context, { of, name }, fields)
  })
}

function fieldRule(
  { type, now }: Context,
  value: DeviceValue,
  fields: readonly { readonly type: AnyDeviceType; readonly field: Field }[],
): Rule<Condition> {
  const ruleOf = (field: Field) => matching(value, comparableField(field, now))
  const own = fields.find((each) => each.type === type)
  const others = fields.filter((each) => each.type !== type).map(({ field }) => ruleOf(field))
  const rule = own === undefined ? (others[0] as Rule<Condition>) : ruleOf(own.field)
  return {
    expected: rule.expected,
    take(wanted, at) {
      if (own !== undefined && (fits(rule, wanted) || !others.some((other) => fits(other, wanted))))
        return rule.take(wanted, at)
      // Said of a value that devices of this type cannot have.
      const other = others.find((each) => fits(each, wanted)) ?? rule
      return withoutValue(other.take(wanted, at))
    },
  }
}

/** What a condition about one value is where the value is absent. */
function withoutValue(condition: Condition): Condition {
  switch (condition.kind) {
    case 'all':
      return allOf(condition.of.map(withoutValue))
    case 'not':
      return notOf(withoutValue(condition.of))
    case 'absent':
      return EVERY_DEVICE
    default:
      return NO_DEVICE
  }
}

/** An object whose keys are names, each with a rule of its own. */
function byName(
  what: string,
  context: Context,
  ruleOf: (name: string, at: string) => Rule<Condition>,
): Rule<Condition> {
  const expected = `an object of ${what}`
  return {
    expected,
    take(value, at) {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw misfit(at, expected, value)
      const keys = keysOf(value, at)
      context.left -= keys.length
      if (context.left < 0) throw tooLarge(at, `has more than ${PARTS_MAX} parts`)
      const conditions: Condition[] = []
      for (const key of keys) {
        const place = within(at, key)
        const wanted = read(value as Readonly<Record<string, unknown>>, key, place)
        if (wanted !== undefined) conditions.push(ruleOf(key, place).take(wanted, place))
      }
      return allOf(conditions)
    },
  }
}

function unknownField(
  of: 'state' | 'reading',
  name: string,
  at: string,
  fields: readonly Readonly<Record<string, Field>>[],
): Misfit {
  const known = [...new Set(fields.flatMap((each) => Object.keys(each)))]
  const what = of === 'state' ? 'state field' : 'reading'
  return new Misfit(
    at,
    `is no ${what}${meant(name, known)} Known: ${known.join(', ') || 'none'}`,
    `one of ${known.join(', ')}`,
    undefined,
    showText(name),
  )
}

import {
  isList,
  list,
  Misfit,
  type OptionRules,
  optional,
  options,
  orNull,
  type Rule,
} from '../check/index.js'
import { misfit } from '../check/rule.js'
import { showValue } from '../check/show-value.js'
import type { StoredValue } from '../values.js'
import { allOf, type Condition, type DeviceValue, EVERY_DEVICE, notOf, type Relation } from './condition.js'
import type { Comparable } from './field-value.js'

/** In one list. */
export const VALUES_MAX = 1000

type Value = Exclude<StoredValue, null>

/** Gives the condition that a `Matching` of a value says. `comparable` null: only whether there is a value can be asked. */
export function matching(value: DeviceValue, comparable: Comparable | null): Rule<Condition> {
  const item = comparable?.rule ?? NOTHING
  const values = list(item, { min: 1, max: VALUES_MAX })
  const comparison = comparisonRule(value, item, values, comparable?.order ?? null)
  const expected =
    comparable === null ? NOTHING.expected : `${item.expected}, a list of such, or a comparison`
  return {
    expected,
    take(given, at) {
      if (given === null) return { kind: 'absent', value }
      if (isList(given)) return { kind: 'oneOf', value, values: values.take(given, at) }
      if (isPlainObject(given)) return comparison.take(given, at)
      return { kind: 'oneOf', value, values: [item.take(given, at)] }
    },
  }
}

const NOTHING: Rule<Value> = {
  expected: 'null, or { ne: null }: json, binary and geo values are compared with nothing else',
  take(value, at) {
    throw misfit(at, NOTHING.expected, value)
  },
}

interface Checked {
  readonly ne?: Value | null
  readonly notIn?: readonly Value[]
  readonly lt?: number
  readonly lte?: number
  readonly gt?: number
  readonly gte?: number
}

function comparisonRule(
  value: DeviceValue,
  item: Rule<Value>,
  values: Rule<readonly Value[]>,
  order: Rule<number> | null,
): Rule<Condition> {
  const ordered = optional(order ?? withoutOrder(value))
  const rules: OptionRules<Checked> = {
    ne: optional(orNull(item)),
    notIn: optional(values),
    lt: ordered,
    lte: ordered,
    gt: ordered,
    gte: ordered,
  }
  const keys = options<Checked>(rules, 'a comparison such as { ne: 1 } or { gte: 1, lt: 2 }')
  return { expected: keys.expected, take: (given, at) => conditionOf(value, keys.take(given, at)) }
}

function conditionOf(value: DeviceValue, { ne, notIn, ...orders }: Checked): Condition {
  const conditions: Condition[] = []
  if (ne === null) conditions.push(notOf({ kind: 'absent', value }))
  else if (ne !== undefined) conditions.push(notOf({ kind: 'oneOf', value, values: [ne] }))
  if (notIn !== undefined) conditions.push(notOf({ kind: 'oneOf', value, values: notIn }))
  for (const [relation, bound] of Object.entries(orders))
    if (bound !== undefined)
      conditions.push({ kind: 'compare', value, relation: relation as Relation, with: bound })
  return conditions.length === 0 ? EVERY_DEVICE : allOf(conditions)
}

const withoutOrder = ({ of, name }: DeviceValue): Rule<number> => ({
  expected: 'left out',
  take(_value, at) {
    const what = of === 'device' ? name : `the ${of} ${name}`
    throw new Misfit(
      at,
      `cannot be: ${what} has no order; use ne, notIn, a value or a list of values`,
      'left out',
    )
  },
})

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  try {
    return Object.prototype.toString.call(value) === '[object Object]'
  } catch {
    throw misfit('', 'readable', value, showValue(value))
  }
}

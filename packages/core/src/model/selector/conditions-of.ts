import {
  accept,
  flag,
  list,
  type OptionRules,
  optional,
  options,
  type Rule,
  text,
  word,
} from '../check/index.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { DEVICE_STATUSES } from '../statuses.js'
import {
  allOf,
  anyOf,
  type Condition,
  type DeviceColumn,
  EVERY_DEVICE,
  NO_DEVICE,
  notOf,
} from './condition.js'
import { type Comparable, comparableTime, FLAG, LINE, NUMBER, TEXT } from './field-value.js'
import { matching } from './matching.js'
import { type Context, fieldsRule, labelsRule, PARTS_MAX, tooLarge } from './named-conditions.js'
import type { Selector } from './selector.js'

/** Selectors within each other. */
const DEPTH_MAX = 16

/** Without types: what can be said of a selector whose fields nobody knows. */
export function checkSelector(call: string, types: readonly AnyDeviceType[], selector: unknown): void {
  if (types.length > 0) conditionsOf(call, types, selector, 0)
  else
    accept(
      call,
      'selector',
      selectorRule({ type: null, types, now: 0, left: PARTS_MAX }, 0),
      selector,
      'invalid_query',
    )
}

/**
 * What a selector says of the devices of each type, at the moment `now` (epoch milliseconds). Where it speaks of a state
 * field or a reading that only another of the types has, that value is absent. `invalid_query` says where it is wrong.
 */
export function conditionsOf(
  call: string,
  types: readonly AnyDeviceType[],
  selector: unknown,
  now: number,
): ReadonlyMap<AnyDeviceType, Condition> {
  return new Map(
    types.map((type) => {
      const rule = selectorRule({ type, types, now, left: PARTS_MAX }, 0)
      return [type, accept(call, 'selector', rule, selector, 'invalid_query')] as const
    }),
  )
}

/** The same of one type, of an argument or an option that is called `filter`. */
export const filterOf = (call: string, type: AnyDeviceType, filter: unknown, now: number): Condition =>
  accept(
    call,
    'filter',
    selectorRule({ type, types: [type], now, left: PARTS_MAX }, 0),
    filter,
    'invalid_query',
  )

/** A query of one type among several: the keys of a selector, and others beside them, such as `limit`. */
export function queryOf<Rest extends object>(
  call: string,
  type: AnyDeviceType,
  types: readonly AnyDeviceType[],
  query: unknown,
  now: number,
  others: OptionRules<Rest>,
  name = 'query',
): { readonly condition: Condition; readonly rest: Rest } {
  const context: Context = { type, types, now, left: PARTS_MAX }
  const selectorKeys = keyRules(context, nestedSelector(context, 0))
  const keys = options<Conditions & Rest>({ ...selectorKeys, ...others } as OptionRules<Conditions & Rest>)
  const taken = Object.entries(accept(call, name, keys, query, 'invalid_query'))
  const isOther = ([key]: readonly [string, unknown]) => Object.hasOwn(others, key)
  return {
    condition: allOf(taken.filter((entry) => !isOther(entry)).map(([, value]) => value as Condition)),
    rest: Object.fromEntries(taken.filter(isOther)) as Rest,
  }
}

type Conditions = { readonly [Key in keyof Selector]: Condition }

const EXPECTED = 'a selector such as { status: "online" }'

const nestedSelector = (context: Context, depth: number): Rule<Condition> => ({
  expected: EXPECTED,
  take(value, at) {
    if (depth >= DEPTH_MAX) throw tooLarge(at, `is more than ${DEPTH_MAX} selectors deep`)
    return selectorRule(context, depth + 1).take(value, at)
  },
})

function selectorRule(context: Context, depth: number): Rule<Condition> {
  const inner = nestedSelector(context, depth)
  const keys = options<Conditions>(keyRules(context, inner), EXPECTED)
  return {
    expected: keys.expected,
    take(value, at) {
      const conditions = Object.values(keys.take(value, at))
      context.left -= conditions.length
      if (context.left < 0) throw tooLarge(at, `has more than ${PARTS_MAX} parts`)
      return allOf(conditions)
    },
  }
}

function keyRules(context: Context, inner: Rule<Condition>): OptionRules<Conditions> {
  const { type, types, now } = context
  const time = comparableTime(now)
  const column = (name: DeviceColumn, comparable: Comparable) =>
    optional(matching({ of: 'device', name }, comparable))
  const selectors = list(inner, { max: PARTS_MAX })
  return {
    type: optional(typeRule(type, types)),
    deviceId: column('deviceId', LINE),
    name: column('name', TEXT),
    search: optional(given(text({ min: 0, max: 255 }), searched)),
    status: column('status', { rule: word(...DEVICE_STATUSES), order: null }),
    isActive: column('isActive', FLAG),
    batteryLevel: column('batteryLevel', NUMBER),
    firmwareVersion: column('firmwareVersion', LINE),
    lastSeen: column('lastSeen', time),
    createdAt: column('createdAt', time),
    updatedAt: column('updatedAt', time),
    labels: optional(labelsRule(context)),
    state: optional(fieldsRule(context, 'state')),
    readings: optional(fieldsRule(context, 'reading')),
    inSync: optional(given(flag, (value) => (value ? IN_SYNC : notOf(IN_SYNC)))),
    and: optional(given(selectors, allOf)),
    or: optional(given(selectors, anyOf)),
    not: optional(given(inner, notOf)),
  }
}

const searched = (search: string): Condition =>
  search === '' ? EVERY_DEVICE : { kind: 'search', text: search }

const IN_SYNC: Condition = { kind: 'inSync' }

const given = <T>(rule: Rule<T>, condition: (value: T) => Condition): Rule<Condition> => ({
  expected: rule.expected,
  take: (value, at) => condition(rule.take(value, at)),
})

/** The type is known when the condition is made, so that nothing of it is left for the storage. */
function typeRule(type: AnyDeviceType | null, types: readonly AnyDeviceType[]): Rule<Condition> {
  if (type === null) return matching({ of: 'device', name: 'name' }, LINE)
  const { name } = type
  const names = types.map((each) => each.name)
  const condition = matching({ of: 'device', name: 'name' }, { rule: word(...names), order: null })
  const holds = (of: Condition): boolean => {
    switch (of.kind) {
      case 'oneOf':
        return of.values.includes(name)
      case 'not':
        return !holds(of.of)
      case 'all':
        return of.of.every(holds)
      default:
        return false
    }
  }
  return given(condition, (of) => (holds(of) ? EVERY_DEVICE : NO_DEVICE))
}

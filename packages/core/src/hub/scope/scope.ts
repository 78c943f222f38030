import { accept, line, optional, type Rule, showValue } from '../../model/check/index.js'
import { keysOf, read, within } from '../../model/check/options.js'
import { Misfit } from '../../model/check/rule.js'
import type { AnyDeviceType } from '../../model/device-type/device-type.js'
import { DeviceHubError } from '../../model/errors.js'
import { allOf, type Condition, isNever } from '../../model/selector/condition.js'
import { queryOf } from '../../model/selector/conditions-of.js'
import type { Labels } from '../../model/selector/labels.js'
import type { Selector } from '../../model/selector/selector.js'
import { canonical } from '../device-cursor.js'

/**
 * Which devices somebody may see and use, and who that is: a selector, and what is outside of it does not exist for them.
 * It is JSON, so that a session or a token can carry it. An absent value is refused, because a scope without it would
 * show more: `{ labels: { customer: undefined } }` is no scope. For all devices write `{ deviceId: { ne: null } }`.
 *
 * @example
 * import type { Scope } from '@devicehub/core'
 *
 * const scope: Scope = { labels: { customer: 'c-17' }, actor: 'kim@example.com' }
 */
export interface Scope extends Selector {
  /** Who acts: one line of at most 128 characters. */
  readonly actor?: string
}

/** One scope within another. */
interface Level {
  readonly selector: Selector
  /** What its selector could speak of. */
  readonly types: readonly AnyDeviceType[]
}

/** A scope as the functions of its hub go by it. */
export interface HubScope {
  /** Those of which there may be devices in it. */
  readonly types: readonly AnyDeviceType[]
  readonly actor: string | null
  /** What devices get that are created in it: the labels that it wants to have one value. */
  readonly labels: Labels
  /** The same for the same scope, at any time. */
  readonly identity: string
  /** What it says of the devices of a type, now. */
  conditionOf(type: AnyDeviceType): Condition
  /** This scope and another one: both hold. */
  narrowed(scope: unknown): HubScope
}

const CALL = 'hub.scoped'

const OTHERS = { actor: optional(line(128)) }

/** A scope of a hub of these types. `invalid_query` says what is wrong with it. */
export const acceptScope = (types: readonly AnyDeviceType[], now: () => number, scope: unknown): HubScope =>
  scopeOf([], types, now, scope, null)

function scopeOf(
  outer: readonly Level[],
  types: readonly AnyDeviceType[],
  now: () => number,
  given: unknown,
  actorBefore: string | null,
): HubScope {
  const scope = accept(CALL, 'scope', PLAIN, given, 'invalid_query') as Scope
  const { actor = actorBefore, ...selector } = scope
  const checked = types.map((type) => queryOf(CALL, type, types, scope, 0, OTHERS, 'scope'))
  if (!limits(selector)) throw limitsNothing(scope)
  const levels = [...outer, { selector, types }]
  const at = (type: AnyDeviceType, time: number): Condition =>
    allOf(
      levels.map((level) => queryOf(CALL, type, level.types, level.selector, time, {}, 'scope').condition),
    )
  const inside = types.filter((type, index) => checked[index] !== undefined && !isNever(at(type, 0)))
  const fixed = new Map(inside.map((type) => [type, at(type, 0)]))
  const identity = inside.map((type) => `${type.key}:${canonical(fixed.get(type) as Condition)}`).join()
  // Without times relative to now it says the same at all times.
  const isFixed = inside.every((type) => canonical(at(type, 1)) === canonical(fixed.get(type) as Condition))
  return {
    types: inside,
    actor,
    identity,
    labels: Object.assign({}, ...levels.map((level) => labelsOf(level.selector))) as Labels,
    conditionOf: (type) => (isFixed && fixed.get(type)) || at(type, now()),
    narrowed: (scope) => scopeOf(levels, inside, now, scope, actor),
  }
}

const labelsOf = ({ labels = {} }: Selector): Labels =>
  Object.fromEntries(
    Object.entries(labels).flatMap(([key, wanted]) => {
      const only = Array.isArray(wanted) && wanted.length === 1 ? wanted[0] : wanted
      return typeof only === 'string' ? [[key, only]] : []
    }),
  )

/** Whether a selector says anything: one that does not means every device. */
function limits(selector: Selector): boolean {
  return Object.entries(selector).some(([key, value]) => {
    switch (key) {
      case 'labels':
      case 'state':
      case 'readings':
        return Object.keys(value as object).length > 0
      case 'search':
        return value !== ''
      case 'and':
        return (value as readonly Selector[]).some(limits)
      case 'or':
        return (value as readonly Selector[]).every(limits)
      default:
        return true
    }
  })
}

const limitsNothing = (scope: Scope) =>
  new DeviceHubError(
    'invalid_query',
    `${CALL}: scope limits nothing (${showValue(scope)}): it would show every device. Say which, such as { labels: { customer: 'c-17' } }; for all of them { deviceId: { ne: null } }`,
    { details: { function: CALL, key: 'scope' } },
  )

/** Selectors within each other are fewer. */
const DEPTH_MAX = 64

/** A copy: what its owner changes later changes no scope. */
const PLAIN: Rule<unknown> = {
  expected: "a scope such as { labels: { customer: 'c-17' } }",
  take(value, at) {
    try {
      return copied(value, at)
    } catch (error) {
      if (error instanceof Misfit) throw error
      // A proxy whose traps throw.
      throw new Misfit(at, 'cannot be read', PLAIN.expected)
    }
  },
}

function copied(value: unknown, at: string): unknown {
  if (value === undefined || (value === null && !at.endsWith('.ne')))
    throw new Misfit(at, `is ${value}: a scope without it would show more`, PLAIN.expected)
  if (at === '' && typeof value !== 'object')
    throw new Misfit(at, `must be ${PLAIN.expected}`, PLAIN.expected)
  if (typeof value === 'function') throw new Misfit(at, 'is a function', PLAIN.expected)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (at.split('.').length > DEPTH_MAX) throw new Misfit(at, 'is too deep', PLAIN.expected)
  if (Array.isArray(value)) return value.map((each, index) => copied(each, within(at, String(index))))
  return Object.fromEntries(
    keysOf(value, at).map((key) => {
      const place = within(at, key)
      return [key, copied(read(value as Readonly<Record<string, unknown>>, key, place), place)]
    }),
  )
}

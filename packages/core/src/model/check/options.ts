import { nearestKey } from './nearest-key.js'
import { Misfit, misfit, type OptionalRule, type Rule } from './rule.js'
import { showText } from './show-value.js'

/** A rule a key: of a type's optional keys an optional rule, so that none is forgotten and none made up. */
export type OptionRules<T> = {
  readonly [Key in keyof T]-?: undefined extends T[Key] ? OptionalRule<T[Key]> : Rule<T[Key]>
}

/**
 * An object of options with these keys and no others. Each value is read once and taken over into a new object; a key
 * that is undefined is left out.
 *
 * @example
 * import { integer, optional, options, text } from '@devicehub/core/check'
 *
 * const PAGE = options<{ limit?: number; cursor?: string }>({
 *   limit: optional(integer({ min: 1, max: 1000 })),
 *   cursor: optional(text()),
 * })
 */
export const options = <T extends object>(
  rules: OptionRules<T>,
  /** Default: an object of options, with the keys that must be there. */
  what = optionsWith(rules),
  /** What to do instead, behind the refusal of an unknown key. */
  advice = '',
): Rule<T> => objectRule(rules, what, (key, known, at) => unknownKey(key, known, at, advice))

function optionsWith<T extends object>(rules: OptionRules<T>): string {
  const entries = Object.entries(rules) as [string, { readonly optional?: true }][]
  const needed = entries.filter(([, rule]) => !rule.optional).map(([key]) => key)
  return `an object of options${needed.length === 0 ? '' : ` { ${needed.join(', ')} }`}`
}

/** The same for an object that has more, such as a row of which only its reference is of interest: other keys are left out. */
export const partOf = <T extends object>(rules: OptionRules<T>, what: string): Rule<T> =>
  objectRule(rules, what, null)

function objectRule<T extends object>(
  rules: OptionRules<T>,
  what: string,
  refuse: ((key: string, known: readonly string[], at: string) => Misfit) | null,
): Rule<T> {
  const entries = Object.entries(rules) as [string, Rule<unknown> & { readonly optional?: true }][]
  const known = entries.map(([key]) => key)

  return {
    expected: what,
    take(value, at) {
      if (!isOptionsObject(value)) throw misfit(at, what, value)
      if (refuse !== null)
        for (const key of keysOf(value, at))
          if (!Object.hasOwn(rules, key) && read(value, key, at) !== undefined) throw refuse(key, known, at)
      const taken: Record<string, unknown> = {}
      for (const [key, rule] of entries) {
        const place = within(at, key)
        const given = read(value, key, place)
        if (given !== undefined) taken[key] = rule.take(given, place)
        else if (!rule.optional)
          throw new Misfit(place, `is missing; it must be ${rule.expected}`, rule.expected)
      }
      return taken as T
    },
  }
}

export const within = (at: string, key: string): string => (at === '' ? key : `${at}.${key}`)

/** Instances of classes pass (settings may come as such), lists, dates, promises and other built-in kinds do not. */
function isOptionsObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  try {
    return Object.prototype.toString.call(value) === '[object Object]'
  } catch {
    return false
  }
}

/** Whether it is an array; never throws, whatever the value. */
export function isList(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

export function keysOf(value: object, at: string): readonly string[] {
  try {
    return Object.keys(value)
  } catch {
    throw new Misfit(at, 'cannot be read', 'readable')
  }
}

export function read(value: Readonly<Record<string, unknown>>, key: string, at: string): unknown {
  try {
    return value[key]
  } catch {
    throw new Misfit(at, 'cannot be read: its getter throws', 'readable')
  }
}

function unknownKey(key: string, known: readonly string[], at: string, advice: string): Misfit {
  const expected = known.length === 0 ? 'no key at all' : `one of ${known.join(', ')}`
  const hint = formerName(key, known) ?? nearestHint(key, known)
  return new Misfit(
    within(at, showText(key)),
    `is not known here${hint === '' ? '. ' : `; ${hint}`}Known: ${known.join(', ') || 'none'}${advice && `. ${advice}`}`,
    expected,
  )
}

function nearestHint(key: string, known: readonly string[]): string {
  const nearest = nearestKey(key, known)
  return nearest === undefined ? '' : `did you mean ${nearest}? `
}

/** Of an option that named the unit of its number, or that belongs to `close` now. */
function formerName(key: string, known: readonly string[]): string | undefined {
  if (/^closeTimeout(?:Ms)?$/.test(key))
    return `${key} is now an option of close(): close({ timeout: '5s' }). `
  const name = key.replace(/(?:Ms|Millis|Seconds)$/, '')
  return name !== key && known.includes(name)
    ? `${key} is now ${name}, a duration: seconds, or text such as '250ms'. `
    : undefined
}

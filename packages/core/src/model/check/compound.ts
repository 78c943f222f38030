import { isList, keysOf, read, within } from './options.js'
import { Misfit, misfit, type Rule } from './rule.js'

/** How many items a list may have, inclusive. */
export interface ListBounds {
  /** Default 0. */
  readonly min?: number
  /** Default 100,000. */
  readonly max?: number
}

/** An array, each item by a rule; a copy. Default 0 to 100,000 items. */
export function list<T>(item: Rule<T>, { min = 0, max = 100_000 }: ListBounds = {}): Rule<readonly T[]> {
  const expected = `a list of ${min} to ${max.toLocaleString('en-US')} items, each ${item.expected}`
  return {
    expected,
    take(value, at) {
      if (!isList(value)) throw misfit(at, expected, value)
      const given = value as unknown as Readonly<Record<string, unknown>>
      const length = read(given, 'length', at) as number
      if (length < min || length > max)
        throw new Misfit(at, `has ${length} items; it must be ${expected}`, expected)
      // By index, since holes are items too.
      return Array.from({ length }, (_, index) => {
        const place = `${at}[${index}]`
        return item.take(read(given, String(index), place), place)
      })
    },
  }
}

/** Names of the caller's choice, each with a value of one kind. */
export function mapOf<T>(item: Rule<T>, what = 'an object'): Rule<Readonly<Record<string, T>>> {
  const expected = `${what} whose values are each ${item.expected}`
  return {
    expected,
    take(value, at) {
      if (typeof value !== 'object' || value === null || isList(value)) throw misfit(at, expected, value)
      // Without a prototype: a key named __proto__ is a key like any other.
      const taken: Record<string, T> = Object.create(null)
      for (const key of keysOf(value, at)) {
        const place = within(at, key)
        taken[key] = item.take(read(value as Readonly<Record<string, unknown>>, key, place), place)
      }
      return taken
    },
  }
}

/** The first that fits. */
export function either<A, B>(first: Rule<A>, second: Rule<B>): Rule<A | B> {
  const expected = `${first.expected}, or ${second.expected}`
  return {
    expected,
    take(value, at) {
      // What is wrong inside an object says more than that neither fits.
      let inside: Misfit | undefined
      let shown: string | undefined
      let hint = ''
      for (const rule of [first, second]) {
        try {
          return rule.take(value, at)
        } catch (error) {
          if (!(error instanceof Misfit)) throw error
          if (error.at !== at) inside ??= error
          // As the rule shows it that shows most.
          else if (shown === undefined || error.shown?.startsWith('"')) shown = error.shown
          hint ||= error.hint
        }
      }
      if (inside !== undefined) throw inside
      const { problem } = misfit(at, expected, value, shown)
      throw new Misfit(at, problem, expected, undefined, shown, hint)
    },
  }
}

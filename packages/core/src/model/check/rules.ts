import { isRecord } from '../codec/is-record.js'
import { isPlainJson } from '../codec/plain-json.js'
import { isStorableText, isTextWithin } from '../codec/text.js'
import type { ErrorCode } from '../errors.js'
import { keysOf, read, within } from './options.js'
import { Misfit, misfit, type OptionalRule, type Rule } from './rule.js'
import { showKind, showNumber, showValue } from './show-value.js'

/** A key of options that may be absent or undefined. */
export const optional = <T>(rule: Rule<T>): OptionalRule<T | undefined> => ({ ...rule, optional: true })

/** Null, or what the rule takes. */
export const orNull = <T>(rule: Rule<T>): Rule<T | null> => ({
  expected: `${rule.expected}, or null`,
  take: (value, at) => (value === null ? null : rule.take(value, at)),
})

/** Another error code for what this rule refuses. */
export const withCode = <T>(code: ErrorCode, rule: Rule<T>): Rule<T> => ({
  expected: rule.expected,
  take(value, at) {
    try {
      return rule.take(value, at)
    } catch (error) {
      if (!(error instanceof Misfit)) throw error
      throw new Misfit(error.at, error.problem, error.expected, error.code ?? code, error.shown, error.hint)
    }
  },
})

/** Another word for what is expected, whatever of it does not fit. */
export const withExpected = <T>(expected: string, rule: Rule<T>): Rule<T> => ({
  expected,
  take(value, at) {
    try {
      return rule.take(value, at)
    } catch (error) {
      if (!(error instanceof Misfit)) throw error
      const { code, shown, hint } = error
      throw new Misfit(at, misfit(at, expected, value).problem, expected, code, shown, hint)
    }
  },
})

/** For secrets and what may hold one: the error shows nothing of the value. */
export const hidden = <T>(rule: Rule<T>): Rule<T> => ({
  expected: rule.expected,
  take(value, at) {
    try {
      return rule.take(value, at)
    } catch (error) {
      if (!(error instanceof Misfit)) throw error
      throw new Misfit(error.at, `must be ${error.expected}`, error.expected, error.code)
    }
  },
})

/**
 * Where a test of the value is all there is to it. A value that throws while it is looked at does not fit. `show`: how
 * the error shows the value; default its kind alone, for where texts belong `showValue`.
 */
export const satisfies = <T>(
  expected: string,
  test: (value: unknown) => boolean,
  show: (value: unknown) => string = showKind,
): Rule<T> => ({
  expected,
  take(value, at) {
    if (passes(test, value)) return value as T
    throw misfit(at, expected, value, show(value))
  },
})

/** The test's answer; false when it throws. */
export function passes(test: (value: unknown) => boolean, value: unknown): boolean {
  try {
    return test(value)
  } catch {
    return false
  }
}

/**
 * Looked at by somebody else, such as the schema of a command's payload. `expected`: what it will want, for where the value
 * is missing.
 */
export const anything = <T = unknown>(expected = 'anything'): Rule<T> => satisfies(expected, () => true)

/** How long a text may be, and of what. */
export interface TextBounds {
  /** Characters; default 1. */
  readonly min?: number
  /** Characters; default 65,535. */
  readonly max?: number
  /** What it has to match; absent: anything. */
  readonly pattern?: RegExp
  /** What `pattern` means. */
  readonly expected?: string
}

/** A text that every database can hold: without NUL and broken surrogates. */
export function text({ min = 1, max = 65_535, pattern, expected }: TextBounds = {}): Rule<string> {
  const size = min > 0 ? `of ${min} to ${max} characters` : `of at most ${max} characters`
  return satisfies(
    expected ?? `a text ${size}, without NUL and broken surrogates`,
    (value) =>
      typeof value === 'string' &&
      value.length >= min &&
      isTextWithin(value, max) &&
      (pattern === undefined || pattern.test(value)),
    showValue,
  )
}

/** A text for people that a log line or a header holds as well: no control characters. */
export const line = (max = 255): Rule<string> =>
  satisfies(
    `a text of 1 to ${max} characters without control characters`,
    (value) =>
      typeof value === 'string' &&
      value !== '' &&
      isTextWithin(value, max) &&
      !/[\p{Cc}\u2028\u2029]/u.test(value),
    showValue,
  )

/** Any text that can be stored, the empty one too, however long. */
export const anyText = (): Rule<string> =>
  satisfies(
    'a text without NUL and broken surrogates',
    (value) => typeof value === 'string' && isStorableText(value),
    showValue,
  )

/** One of these, exactly. */
export function word<const Word extends string | number | boolean>(...words: readonly Word[]): Rule<Word> {
  const known: ReadonlySet<unknown> = new Set(words)
  return satisfies(
    words.length === 1 ? String(words[0]) : `one of ${words.join(', ')}`,
    (value) => known.has(value),
    showValue,
  )
}

/** Between which numbers, inclusive unless said otherwise. */
export interface NumberBounds {
  /** Absent: no bound. */
  readonly min?: number
  /** Absent: no bound. */
  readonly max?: number
  /** Exclusive. */
  readonly above?: number
  /** Whether Infinity will do; default false. */
  readonly infinite?: boolean
}

/** A number within bounds, without NaN; Infinity only with `infinite`. */
export function number(bounds: NumberBounds = {}): Rule<number> {
  return satisfies(
    `a number${boundsText(bounds)}`,
    (value) => typeof value === 'number' && isInBounds(value, bounds),
    showNumber,
  )
}

/** A whole number within bounds and within ±(2^53 - 1). */
export function integer(bounds: NumberBounds = {}): Rule<number> {
  return satisfies(
    `a whole number${boundsText(bounds)}`,
    (value) => typeof value === 'number' && Number.isSafeInteger(value) && isInBounds(value, bounds),
    showNumber,
  )
}

function isInBounds(value: number, { min, max, above, infinite = false }: NumberBounds): boolean {
  if (!(infinite ? !Number.isNaN(value) : Number.isFinite(value))) return false
  return (
    (min === undefined || value >= min) &&
    (max === undefined || value <= max) &&
    (above === undefined || value > above)
  )
}

function boundsText({ min, max, above }: NumberBounds): string {
  const written = (bound: number) => bound.toLocaleString('en-US')
  if (above !== undefined)
    return ` above ${written(above)}${max === undefined ? '' : ` and at most ${written(max)}`}`
  if (min !== undefined)
    return max === undefined ? ` from ${written(min)} up` : ` from ${written(min)} to ${written(max)}`
  return max === undefined ? '' : ` of at most ${written(max)}`
}

/** True or false, and nothing that only counts as such. */
export const flag: Rule<boolean> = satisfies('true or false', (value) => typeof value === 'boolean')

/** Within what RFC 3339 can write: the years 1 to 9999. */
export const date: Rule<Date> = {
  expected: 'a valid Date between the years 1 and 9999',
  take(value, at) {
    const time = timeOf(value)
    if (!(time >= -62_135_596_800_000 && time <= 253_402_300_799_999))
      throw misfit(at, date.expected, value, showNumber(value))
    // A Date can be set: the copy stays as it was looked at.
    return new Date(time)
  },
}

/** Also of another realm (a test runner, a worker's vm); NaN for what is no Date. */
function timeOf(value: unknown): number {
  try {
    return Date.prototype.getTime.call(value)
  } catch {
    return Number.NaN
  }
}

/** Called later, so all that can be said of it is that it can be called. */
export const callback = <T>(): Rule<T> => satisfies('a function', (value) => typeof value === 'function')

/** A `Uint8Array`, so a `Buffer` too. */
export const bytes: Rule<Uint8Array> = satisfies('a Uint8Array', (value) => value instanceof Uint8Array)

/** An `AbortSignal`, of whatever realm. */
export const abortSignal: Rule<AbortSignal> = satisfies('an AbortSignal', (value) => {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener, throwIfAborted } = value as Partial<AbortSignal>
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof throwIfAborted === 'function'
  )
})

/** What JSON can hold, without loss, at most 64 levels deep. */
export const json: Rule<unknown> = satisfies('JSON of at most 64 levels', (value) => isPlainJson(value))

/** JSON with names on its first level, as its text: it is read once and cannot change after it was looked at. */
export const jsonObjectText: Rule<string> = {
  expected: 'an object of JSON, of at most 64 levels',
  take(value, at) {
    try {
      if (isRecord(value) && isPlainJson(value)) return JSON.stringify(value)
    } catch {
      // A getter throws.
    }
    throw misfit(at, jsonObjectText.expected, value)
  },
}

/** An object of names and values; the values are looked at by others, and read once: this is a copy. */
export const recordOf = (expected: string): Rule<Readonly<Record<string, unknown>>> => ({
  expected,
  take(value, at) {
    if (!passes(isRecord, value)) throw misfit(at, expected, value)
    const given = value as Readonly<Record<string, unknown>>
    return Object.fromEntries(keysOf(given, at).map((key) => [key, read(given, key, within(at, key))]))
  },
})

/** An object of names and values; a copy. The values are looked at by others. */
export const record = recordOf('an object of names and values')

/** Somebody else's object, passed on as it is: it has these methods. */
export function port<T>(what: string, ...methods: readonly (keyof T & string)[]): Rule<T> {
  return satisfies(methods.length === 0 ? what : `${what} (it has ${methods.join(', ')})`, (value) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
    return methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  })
}

import { DeviceHubError, type ErrorCode } from '../errors.js'
import { showKind } from './show-value.js'

/**
 * What a value from outside may be. `take` gives back the value that was looked at, so that a getter or a caller's later
 * change cannot slip in another one; it throws a `Misfit` for a value that does not fit.
 */
export interface Rule<T> {
  /** What would fit, to go on "must be". */
  readonly expected: string
  /** `at`: where the value stands in the argument, such as `reconnect.min`; empty: it is the argument. */
  readonly take: (value: unknown, at: string) => T
}

/** A key that may be absent; undefined is as good as absent. */
export interface OptionalRule<T> extends Rule<T> {
  /** Tells `options` that the key may be absent. */
  readonly optional: true
}

/** Thrown by rules and turned into a `DeviceHubError` by `accept`. */
export class Misfit extends Error {
  constructor(
    /** Where in the argument; empty: the argument itself. */
    readonly at: string,
    /** What is wrong, to go behind `at`. */
    readonly problem: string,
    /** What would fit, to go on "must be". */
    readonly expected: string,
    /** In place of the code that the function gives. */
    readonly code?: ErrorCode | undefined,
    /** The value, as the problem shows it. */
    readonly shown?: string | undefined,
    /** What was probably meant, to go behind all of it. */
    readonly hint = '',
  ) {
    super(problem)
  }
}

/** `shown`: default its kind alone. A text where none belongs may be a secret that slipped. */
export const misfit = (at: string, expected: string, value: unknown, shown = showKind(value)): Misfit =>
  new Misfit(at, `must be ${expected}, not ${shown}`, expected, undefined, shown)

/**
 * Checks an argument of a public function at run time, for callers in JavaScript and values out of a query string or
 * JSON. Gives back the value to go on with, a copy where it is an object of options. A `DeviceHubError` names function,
 * key and what is expected, with the code of the rule, else `code`.
 *
 * @example
 * import { accept, text } from '@devicehub/core/check'
 *
 * export const greet = (name: string) => `Hello ${accept('greet', 'name', text({ max: 64 }), name)}`
 */
export function accept<T>(
  call: string,
  argument: string,
  rule: Rule<T>,
  value: unknown,
  code: ErrorCode = 'invalid_options',
): T {
  try {
    return rule.take(value, '')
  } catch (error) {
    if (!(error instanceof Misfit)) throw error
    const { problem, expected, hint } = error
    // The argument itself, or an item of it; a key of an object of options is named as it is.
    const at = error.at === '' || error.at.startsWith('[') ? `${argument}${error.at}` : error.at
    throw new DeviceHubError(error.code ?? code, `${call}: ${at} ${problem}${hint}`, {
      details: { function: call, key: at, expected },
    })
  }
}

/** Whether a value fits, where there is something else to say of one that does not. */
export function fits(rule: Rule<unknown>, value: unknown): boolean {
  try {
    rule.take(value, '')
    return true
  } catch (error) {
    if (error instanceof Misfit) return false
    throw error
  }
}

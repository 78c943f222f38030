import { type Duration, durationText, parseDuration } from '../duration.js'
import { Misfit, type Rule } from './rule.js'
import { showNumber } from './show-value.js'

/** How long a duration may be, inclusive. */
export interface DurationBounds {
  /** Default 0. */
  readonly min?: Duration
  /** The most that can be meant; default ten years. */
  readonly max?: Duration
  /** Whether Infinity is allowed, for "without end". */
  readonly infinite?: boolean
  /** For what a protocol counts by the second: a part of one is refused. */
  readonly wholeSeconds?: boolean
}

const TEN_YEARS = '3650d'

/**
 * How long: a number of seconds, or text with its unit. Gives whole milliseconds.
 *
 * @example
 * import { duration, type InMilliseconds, optional, options } from '@devicehub/core/check'
 * import type { WaitOptions } from '@devicehub/core'
 *
 * const WAIT = options<InMilliseconds<Pick<WaitOptions, 'timeout'>>>({
 *   timeout: optional(duration({ min: '1ms', max: '1d' })),
 * })
 */
export function duration({
  min = 0,
  max = TEN_YEARS,
  infinite = false,
  wholeSeconds = false,
}: DurationBounds = {}): Rule<number> {
  const [least, most] = [bound(min), bound(max)]
  const kind = wholeSeconds ? 'a duration in whole seconds' : 'a duration'
  const range = `from ${durationText(least)} to ${durationText(most)}${infinite ? ', or Infinity' : ''}`
  const expected = `${kind} ${range}: seconds, or text with its unit such as '30s' or '250ms'`
  return {
    expected,
    take(value, at) {
      const milliseconds = parseDuration(value)
      if (milliseconds !== undefined) {
        if (infinite && milliseconds === Number.POSITIVE_INFINITY) return milliseconds
        if (milliseconds >= least && milliseconds <= most && !(wholeSeconds && milliseconds % 1000 !== 0))
          return milliseconds
      }
      const shown = shownDuration(value)
      const hint = question(value, least, most)
      throw new Misfit(at, `must be ${expected}, not ${shown}`, expected, undefined, shown, hint)
    },
  }
}

/** The same as a number of seconds, which still is a `Duration`: for options that are handed on to another function. */
export function durationInSeconds(bounds: DurationBounds = {}): Rule<number> {
  const rule = duration(bounds)
  return { expected: rule.expected, take: (value, at) => rule.take(value, at) / 1000 }
}

function bound(given: Duration): number {
  const milliseconds = parseDuration(given)
  if (milliseconds === undefined) throw new TypeError(`${given} is no duration`)
  return milliseconds
}

const shownDuration = (value: unknown): string =>
  typeof value === 'number' && Number.isFinite(value) ? `${value} s` : showNumber(value)

/** Too large a number is probably one of milliseconds. */
function question(value: unknown, least: number, most: number): string {
  if (typeof value !== 'number' || !Number.isInteger(value)) return ''
  if (value * 1000 <= most || value < least || value > most) return ''
  const text = durationText(value)
  return value % 1000 === 0
    ? `; did you mean ${value / 1000} or '${value / 1000}s'?`
    : `; did you mean '${text}'?`
}

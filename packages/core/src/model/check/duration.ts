import { type Duration, durationText, parseDuration } from '../duration.js'
import { durationHint, looksLikeMilliseconds } from './duration-hint.js'
import { Misfit, type Rule } from './rule.js'
import { showKind, showValue } from './show-value.js'

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
 * How long: a number of seconds, or text with its unit. Gives whole milliseconds. A number such as 30_000 is refused: it
 * was probably meant in milliseconds, and text says what is meant.
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
  const expected = `${kind} ${range}: seconds, or text with its unit (ms, s, m, h, d) such as '30s'`
  return {
    expected,
    take(value, at) {
      const milliseconds = parseDuration(value)
      if (milliseconds !== undefined && !looksLikeMilliseconds(value)) {
        if (infinite && milliseconds === Number.POSITIVE_INFINITY) return milliseconds
        if (milliseconds >= least && milliseconds <= most && !(wholeSeconds && milliseconds % 1000 !== 0))
          return milliseconds
      }
      const shown = shownDuration(value)
      const hint = durationHint(value, { least, most, wholeSeconds })
      throw new Misfit(at, `must be ${expected}, not ${shown}`, expected, undefined, shown, hint)
    },
  }
}

/** The same as a number of seconds. To hand it on to a function that checks it again, see `durationToHandOn`. */
export function durationInSeconds(bounds: DurationBounds = {}): Rule<number> {
  const rule = duration(bounds)
  return { expected: rule.expected, take: (value, at) => rule.take(value, at) / 1000 }
}

/**
 * The same as a `Duration` for another function that checks it again: as text, because a number of seconds can look like
 * one of milliseconds.
 */
export function durationToHandOn(bounds: DurationBounds = {}): Rule<Duration> {
  const rule = duration(bounds)
  return {
    expected: rule.expected,
    take(value, at) {
      const milliseconds = rule.take(value, at)
      return Number.isFinite(milliseconds) ? `${milliseconds}ms` : milliseconds
    },
  }
}

function bound(given: Duration): number {
  const milliseconds = parseDuration(given)
  if (milliseconds === undefined) throw new TypeError(`${given} is no duration`)
  return milliseconds
}

/** A number with a word behind it is shown; another text may be a secret that slipped. */
const TRIED = /^\s*[-+]?\d[\d.,]{0,15}\s*[A-Za-z]{0,12}\s*$/

function shownDuration(value: unknown): string {
  if (typeof value === 'number' && Number.isFinite(value)) return `${value} s`
  return typeof value === 'string' && TRIED.test(value) ? showValue(value) : showKind(value)
}

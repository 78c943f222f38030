/**
 * How long: a number of seconds, or text with its unit. A number of thousands, such as 30_000, is refused unless it is one of
 * whole days: it was probably meant in milliseconds. `'30000s'` says that it was not.
 */
export type Duration = number | DurationText

/**
 * Milliseconds, seconds, minutes, hours, days of 24 hours: `'250ms'`, `'30s'`, `'15m'`, `'12h'`, `'7d'`. Without a space:
 * `'10 s'` compiles and is refused when it is given.
 */
export type DurationText = `${number}${DurationUnit}`

type DurationUnit = 'ms' | 's' | 'm' | 'h' | 'd'

/** Options whose durations were checked and are now numbers of milliseconds: what `check.duration` gives. */
export type InMilliseconds<Options> = { readonly [Key in keyof Options]: Exclude<Options[Key], DurationText> }

/** The same as numbers of seconds: what `check.durationInSeconds` gives. */
export type InSeconds<Options> = InMilliseconds<Options>

const UNITS: readonly (readonly [DurationUnit, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]
const FACTORS: ReadonlyMap<string, number> = new Map(UNITS)

/**
 * Whole milliseconds, or Infinity; undefined for what is not a duration. Never throws.
 *
 * @example
 * import { parseDuration } from '@devicehub/core/check'
 *
 * parseDuration('90s')
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return undefined
    return Number.isFinite(value) ? Math.round(value * 1000) : value
  }
  if (typeof value !== 'string') return undefined
  const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h|d)$/.exec(value) ?? []
  const factor = FACTORS.get(unit)
  return factor === undefined ? undefined : Math.round(Number(digits) * factor)
}

/** As text, in the largest unit in which it is a whole number: `90000` is `'90s'`. */
export function durationText(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return String(milliseconds)
  if (milliseconds === 0) return '0s'
  const [unit, factor] = UNITS.find(([, size]) => milliseconds % size === 0) ?? ['ms', 1]
  return `${milliseconds / factor}${unit}`
}

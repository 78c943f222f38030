import { durationText, parseDuration } from '../duration.js'

/** Milliseconds. */
interface Range {
  readonly least: number
  readonly most: number
  readonly wholeSeconds: boolean
}

const DAY_S = 86_400
const HOUR_MS = 3_600_000

/**
 * A number of seconds that was probably meant in milliseconds: thousands. Whole days are thousands at times (2_592_000 is
 * 30 days) and pass, unless they are whole hours in milliseconds, too.
 */
export function looksLikeMilliseconds(value: unknown): value is number {
  if (typeof value !== 'number' || value < 1000 || value % 1000 !== 0) return false
  return value % DAY_S !== 0 || value % HOUR_MS === 0
}

/** The end of an error: what was probably meant by a duration that is refused, or an empty text. */
export function durationHint(value: unknown, range: Range): string {
  if (typeof value === 'number') return hintAtNumber(value, range)
  return typeof value === 'string' ? hintAtText(value, range) : ''
}

function hintAtNumber(value: number, range: Range): string {
  if (!Number.isInteger(value) || value * 1000 < range.least) return ''
  const asSeconds = durationText(value * 1000)
  const isInRange = value * 1000 <= range.most
  if (isInRange && !looksLikeMilliseconds(value)) return ''
  if (!fits(value, range)) return isInRange ? `; write '${asSeconds}' if that is meant` : ''
  const question =
    value % 1000 === 0
      ? `; did you mean ${value / 1000} or '${value / 1000}s'?`
      : `; did you mean '${durationText(value)}'?`
  return isInRange ? `${question} If not, write '${asSeconds}'` : question
}

/** Units as people write them. A week is none, and 7 days. */
const SPELLINGS: readonly (readonly [RegExp, string, number])[] = [
  [/^(?:ms|msecs?|millis|milliseconds?)$/, 'ms', 1],
  [/^(?:s|secs?|seconds?)$/, 's', 1],
  [/^(?:m|mins?|minutes?)$/, 'm', 1],
  [/^(?:h|hrs?|hours?)$/, 'h', 1],
  [/^(?:d|days?)$/, 'd', 1],
  [/^(?:w|weeks?)$/, 'd', 7],
]

/** `'10 s'`, `'5 minutes'`, `'5min'`, `'1w'`, `'30'`. */
function hintAtText(text: string, range: Range): string {
  const [, digits, word = ''] = /^\s*(\d{1,15}(?:\.\d{1,15})?)\s*([A-Za-z]{0,12})\s*$/.exec(text) ?? []
  if (digits === undefined) return ''
  if (word === '') return meant(`${digits}s`, range, 'it has no unit')
  const spelling = SPELLINGS.find(([pattern]) => pattern.test(word.toLowerCase()))
  if (spelling === undefined) return ''
  const [, unit, times] = spelling
  const problem = word === unit ? 'it has a space' : `the unit "${word}" is not known`
  return meant(`${times === 1 ? digits : Number(digits) * times}${unit}`, range, problem)
}

function meant(text: string, range: Range, problem: string): string {
  const milliseconds = parseDuration(text)
  return milliseconds !== undefined && fits(milliseconds, range)
    ? `; ${problem}: did you mean '${text}'?`
    : `; ${problem}`
}

const fits = (milliseconds: number, { least, most, wholeSeconds }: Range): boolean =>
  milliseconds >= least && milliseconds <= most && !(wholeSeconds && milliseconds % 1000 !== 0)

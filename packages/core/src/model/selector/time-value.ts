import { date, type Rule } from '../check/index.js'
import { misfit } from '../check/rule.js'
import { showValue } from '../check/show-value.js'
import { parseTimestamp } from '../codec/parse-timestamp.js'
import { parseDuration } from '../duration.js'

const EXPECTED = "a Date, RFC 3339, a day, or a time relative to now such as 'now-1h'"
const RELATIVE = /^now(?:([+-])(.+))?$/
const RFC_3339 = /^\d{4}-/
const DAY = /^\d{4}-\d\d-\d\d$/

/** Gives epoch milliseconds of a `TimeValue`. */
export const timeValue = (now: number): Rule<number> => ({
  expected: EXPECTED,
  take(value, at) {
    if (typeof value !== 'string') return withExpectedTime(value, at)
    const time = readTime(value, now)
    if (time === undefined) throw misfit(at, EXPECTED, value, showValue(value))
    return time
  },
})

/** Epoch milliseconds of RFC 3339, of a day in UTC, or relative to `now`; undefined for another text. */
export function readTime(text: string, now: number): number | undefined {
  if (!RFC_3339.test(text)) return relativeTo(now, text)
  return parseTimestamp(DAY.test(text) ? `${text}T00:00:00Z` : text)
}

function withExpectedTime(value: unknown, at: string): number {
  if (!(value instanceof Date) && Object.prototype.toString.call(value) !== '[object Date]')
    throw misfit(at, EXPECTED, value, showValue(value))
  return date.take(value, at).getTime()
}

/** Of `now`, `now-1h`, `now+15m`; within what every storage can hold. */
function relativeTo(now: number, text: string): number | undefined {
  const relative = RELATIVE.exec(text)
  if (relative === null) return undefined
  const [, sign, amount] = relative
  if (amount === undefined) return now
  const duration = parseDuration(amount)
  if (duration === undefined) return undefined
  const time = sign === '-' ? now - duration : now + duration
  return parseTimestamp(new Date(time)) === undefined ? undefined : time
}

import { MICROSECONDS_BELOW, MILLISECONDS_BELOW, SECONDS_BELOW } from './epoch-units.js'
import type { WallClock } from './time-zone.js'

/** 0001-01-01 and 9999-12-31T23:59:59.999: what RFC 3339 can write and every database can hold. */
const MIN = -62_135_596_800_000
const MAX = 253_402_300_799_999

/**
 * Epoch milliseconds of a time as devices write it; undefined for anything else. Never throws.
 *
 * - RFC 3339 (`2026-03-01T12:00:00.5Z`), also with a space for the `T`, without seconds, with `+0100` or `+01` for the
 *   offset, or without one: then `wallClock` says which instant is meant (default: UTC), by `near` where there are two.
 * - The basic form of ISO 8601: `20260301T120000Z`, with the same offsets.
 * - An epoch number, its unit by magnitude: seconds below 10^11, milliseconds below 10^14, microseconds below 10^17, else
 *   nanoseconds; with fractions, as text, or as a BigInt.
 * - A `Date`.
 */
export function parseTimestamp(value: unknown, wallClock?: WallClock, near?: number): number | undefined {
  switch (typeof value) {
    case 'number':
      return fromEpoch(value)
    case 'string':
      return parseText(value, wallClock, near)
    case 'bigint':
      return fromEpoch(Number(value))
    default:
      return fromDate(value)
  }
}

/** CBOR has dates of its own. A caller's object may throw when it is looked at, and answer `getTime` as it likes. */
function fromDate(value: unknown): number | undefined {
  try {
    return value instanceof Date ? withinRange(Date.prototype.getTime.call(value)) : undefined
  } catch {
    return undefined
  }
}

function fromEpoch(value: number): number | undefined {
  if (!(value >= 0)) return undefined
  const ms = Math.round(
    value < SECONDS_BELOW
      ? value * 1000
      : value < MILLISECONDS_BELOW
        ? value
        : value < MICROSECONDS_BELOW
          ? value / 1e3
          : value / 1e6,
  )
  return ms <= MAX ? ms : undefined
}

const withinRange = (ms: number): number | undefined => (ms >= MIN && ms <= MAX ? ms : undefined)

/** The longest that is read: nanoseconds and an offset need 35 characters. */
const TEXT_MAX = 40

/** By hand: `Date.parse` takes 30 February and much else, and a regular expression costs three times as much. */
function parseText(text: string, wallClock: WallClock | undefined, near: number | undefined) {
  if (text.length > TEXT_MAX) return undefined
  if (text.charCodeAt(4) === DASH) return parseExtended(text, wallClock, near)
  return isLetter(text, 8, LETTER_T) ? parseBasic(text, wallClock, near) : parseEpochText(text)
}

/** `2026-03-01T12:00:00Z`. */
function parseExtended(text: string, wallClock: WallClock | undefined, near: number | undefined) {
  const shape =
    text.charCodeAt(7) === DASH &&
    text.charCodeAt(13) === COLON &&
    (isLetter(text, 10, LETTER_T) || text.charCodeAt(10) === SPACE)
  if (!shape) return undefined
  const hasSeconds = text.charCodeAt(16) === COLON
  return toInstant(
    text,
    hasSeconds ? 19 : 16,
    hasSeconds,
    wallClock,
    near,
    digits(text, 5, 2),
    digits(text, 8, 2),
    digits(text, 11, 2),
    digits(text, 14, 2),
    hasSeconds ? digits(text, 17, 2) : 0,
  )
}

/** `20260301T120000Z`. */
function parseBasic(text: string, wallClock: WallClock | undefined, near: number | undefined) {
  const hasSeconds = digits(text, 13, 1) >= 0
  return toInstant(
    text,
    hasSeconds ? 15 : 13,
    hasSeconds,
    wallClock,
    near,
    digits(text, 4, 2),
    digits(text, 6, 2),
    digits(text, 9, 2),
    digits(text, 11, 2),
    hasSeconds ? digits(text, 13, 2) : 0,
  )
}

/** From the parts, the year at the start of the text, and what stands at `at`: a fraction and an offset. */
function toInstant(
  text: string,
  at: number,
  mayHaveFraction: boolean,
  wallClock: WallClock | undefined,
  near: number | undefined,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  const year = digits(text, 0, 4)
  const leapDay = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > (DAYS[month - 1] as number) + leapDay)
    return undefined
  // 60 is a leap second; it becomes the first of the next minute.
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return undefined
  let next = at
  let ms = 0
  const point = text.charCodeAt(next)
  if (mayHaveFraction && (point === 0x2e || point === 0x2c)) {
    let scale = 100
    const start = ++next
    for (; next < text.length; next++) {
      const digit = text.charCodeAt(next) - 0x30
      if (digit < 0 || digit > 9) break
      ms += digit * scale
      scale = scale > 1 ? scale / 10 : 0
    }
    if (next === start) return undefined
  }
  // Date.UTC reads the years 0 to 99 as 1900 to 1999.
  const time = Date.UTC(year + 400, month - 1, day, hour, minute, second, ms) - FOUR_CENTURIES
  if (next === text.length) return withinRange(wallClock === undefined ? time : wallClock(time, near))
  const offset = parseOffset(text, next)
  return offset === undefined ? undefined : withinRange(time - offset * 60_000)
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const DASH = 0x2d
const PLUS = 0x2b
const COLON = 0x3a
const SPACE = 0x20
const LETTER_T = 0x74
const LETTER_Z = 0x7a
/** The calendar repeats itself after them. */
const FOUR_CENTURIES = 146_097 * 86_400_000

/** Minutes east of UTC: `Z`, `+01:00`, `+0100` or `+01`, a space before it or not. */
function parseOffset(text: string, start: number): number | undefined {
  const at = text.charCodeAt(start) === SPACE ? start + 1 : start
  const left = text.length - at
  if (isLetter(text, at, LETTER_Z)) return left === 1 ? 0 : undefined
  const sign = text.charCodeAt(at)
  if (sign !== PLUS && sign !== DASH) return undefined
  const hours = digits(text, at + 1, 2)
  let minutes = 0
  if (left === 6) minutes = text.charCodeAt(at + 3) === COLON ? digits(text, at + 4, 2) : -1
  else if (left === 5) minutes = digits(text, at + 3, 2)
  else if (left !== 3) return undefined
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined
  return (sign === DASH ? -1 : 1) * (hours * 60 + minutes)
}

/** An epoch number written as text: digits with at most one point between them. */
function parseEpochText(text: string): number | undefined {
  let points = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x2e && i > 0 && i < text.length - 1) points++
    else if (code < 0x30 || code > 0x39) return undefined
  }
  return text === '' || points > 1 ? undefined : fromEpoch(Number(text))
}

/** In either case. */
const isLetter = (text: string, at: number, lower: number): boolean => (text.charCodeAt(at) | 0x20) === lower

/** -1 when one of them is no digit. */
function digits(text: string, start: number, count: number): number {
  let number = 0
  for (let i = start; i < start + count; i++) {
    const digit = text.charCodeAt(i) - 0x30
    // Written so that NaN, past the end, fails too.
    if (!(digit >= 0 && digit <= 9)) return -1
    number = number * 10 + digit
  }
  return number
}

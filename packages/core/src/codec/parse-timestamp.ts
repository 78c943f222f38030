/** 0001-01-01 and 9999-12-31T23:59:59.999: what RFC 3339 can write and every database can hold. */
const MIN = -62_135_596_800_000
const MAX = 253_402_300_799_999

/** A number below this is seconds: as milliseconds it would lie before March 1973, as seconds it reaches the year 5138. */
const SECONDS_BELOW = 1e11

/**
 * Epoch milliseconds of an RFC 3339 text (`2026-03-01T12:00:00.5Z`, with an offset: without one nobody knows what time is
 * meant), or of an epoch number: seconds below 10^11, else milliseconds, either with fractions. Undefined for anything else.
 */
export function parseTimestamp(value: unknown): number | undefined {
  if (typeof value === 'number') {
    if (!(value >= 0)) return undefined
    const ms = Math.round(value < SECONDS_BELOW ? value * 1000 : value)
    return ms <= MAX ? ms : undefined
  }
  if (typeof value === 'string') return parseRfc3339(value)
  // CBOR has dates of its own.
  if (value instanceof Date) return withinRange(value.getTime())
  return undefined
}

const withinRange = (ms: number): number | undefined => (ms >= MIN && ms <= MAX ? ms : undefined)

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** By hand: `Date.parse` takes 30 February and much else, and a regular expression costs three times as much. */
function parseRfc3339(text: string): number | undefined {
  const { length } = text
  if (length < 20 || length > 40) return undefined
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  const second = digits(text, 17, 2)
  const separator = text.charCodeAt(10) | 0x20
  const shape =
    text.charCodeAt(4) === DASH &&
    text.charCodeAt(7) === DASH &&
    text.charCodeAt(13) === COLON &&
    text.charCodeAt(16) === COLON
  // `T`, `t` or a space.
  if (!shape || (separator !== 0x74 && text.charCodeAt(10) !== 0x20)) return undefined
  const leapDay = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > (DAYS[month - 1] as number) + leapDay)
    return undefined
  // 60 is a leap second; it becomes the first of the next minute.
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return undefined

  let at = 19
  let ms = 0
  if (text.charCodeAt(at) === 0x2e) {
    let scale = 100
    const start = ++at
    for (; at < length; at++) {
      const digit = text.charCodeAt(at) - 0x30
      if (digit < 0 || digit > 9) break
      ms += digit * scale
      scale = scale > 1 ? scale / 10 : 0
    }
    if (at === start) return undefined
  }
  const offset = parseOffset(text, at)
  if (offset === undefined) return undefined
  // Date.UTC reads the years 0 to 99 as 1900 to 1999.
  const time = Date.UTC(year + 400, month - 1, day, hour, minute, second, ms) - FOUR_CENTURIES
  return withinRange(time - offset * 60_000)
}

const DASH = 0x2d
const COLON = 0x3a
/** The calendar repeats itself after them. */
const FOUR_CENTURIES = 146_097 * 86_400_000

/** Minutes east of UTC. */
function parseOffset(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at)
  if ((sign | 0x20) === 0x7a) return at + 1 === text.length ? 0 : undefined
  if ((sign !== 0x2b && sign !== DASH) || at + 6 !== text.length || text.charCodeAt(at + 3) !== COLON)
    return undefined
  const hours = digits(text, at + 1, 2)
  const minutes = digits(text, at + 4, 2)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined
  return (sign === DASH ? -1 : 1) * (hours * 60 + minutes)
}

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

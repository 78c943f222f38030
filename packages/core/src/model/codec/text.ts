/** Whether a text is whole: every surrogate has its other half, and there is no NUL, which PostgreSQL refuses. */
export function isStorableText(text: string): boolean {
  if (typeof text !== 'string') return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0) return false
    if (code < 0xd800 || code > 0xdfff) continue
    const next = text.charCodeAt(i + 1)
    if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false
    i++
  }
  return true
}

/** Storable, and at most so many characters; a character outside the basic plane counts once, as in databases. */
export function isTextWithin(text: string, maxLength: number): boolean {
  // There are never more characters than code units, nor fewer than half as many.
  if (text.length > maxLength * 2) return false
  if (!isStorableText(text)) return false
  if (text.length <= maxLength) return true
  let surrogates = 0
  for (let i = 0; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) surrogates++
  }
  return text.length - surrogates <= maxLength
}

/** Whether a text has at most so many bytes in UTF-8. */
export function hasBytesWithin(text: string, max: number): boolean {
  // No code unit has more than three bytes, and none less than one.
  if (text.length * 3 <= max) return true
  return text.length <= max && new TextEncoder().encode(text).length <= max
}

/** Tabs and ends of lines. */
const SPACE = /[\t\n\v\f\r\u0085\u2028\u2029]+/g
/** Other control characters, broken surrogates, and what turns the direction of the text around it. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/**
 * A text from outside (a device, a broker, the message of an error that quotes one) for people: one line, cut to
 * `maxLength` UTF-16 units (default 512), with `?` for what a terminal, a log or a database could take for more than
 * text. Whatever came from a device goes through here before it is a reason, a log line, an error or a column.
 */
export function toLine(text: string, maxLength = 512): string {
  if (typeof text !== 'string') return `not a text, but ${typeof text}`
  if (typeof maxLength !== 'number') return toLine(text)
  const cut = text.length > maxLength ? `${start(text, maxLength - 3)}...` : text
  return cut.replace(SPACE, ' ').replace(UNPRINTABLE, '?')
}

/** Never half of a pair of surrogates. */
function start(text: string, length: number): string {
  const end = Math.max(0, Number.isSafeInteger(length) ? length : 0)
  const isHalf = end > 0 && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800
  return text.slice(0, isHalf ? end - 1 : end)
}

/** What was thrown, which need not be an error and may throw when it is read, in such a line. Never throws. */
export function errorLine(error: unknown, maxLength?: number): string {
  try {
    return toLine(String(error instanceof Error ? error.message : error), maxLength)
  } catch {
    return 'something was thrown that has no text'
  }
}

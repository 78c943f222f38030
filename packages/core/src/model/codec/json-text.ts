import { DeviceHubError } from '../errors.js'
import { parseWithNaN } from './bare-numbers.js'
import { errorLine } from './text.js'

const MARK = 0xfeff

/**
 * JSON text without what firmware leaves around it: a byte order mark before it, NULs (the rest of a C buffer) and blanks
 * on both sides.
 */
export function trimJson(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isPadding(text.charCodeAt(start))) start++
  while (end > start && isPadding(text.charCodeAt(end - 1))) end--
  return end - start === text.length ? text : text.slice(start, end)
}

const isPadding = (code: number): boolean =>
  code === 0x20 || code === 0 || (code >= 0x09 && code <= 0x0d) || code === MARK

export interface ReadJson {
  readonly value: unknown
  /** False: the text is JSON but for `nan` or `inf`, which is NaN in the value. */
  readonly isJson: boolean
}

/** Reads a trimmed text; throws an `invalid_payload` of one line, in which what nobody could see is escaped. */
export function readJson(text: string): ReadJson {
  try {
    return { value: JSON.parse(text), isJson: true }
  } catch (cause) {
    const value = parseWithNaN(text)
    if (value !== undefined) return { value, isJson: false }
    throw new DeviceHubError('invalid_payload', `the payload is not JSON: ${problemOf(cause, text)}`)
  }
}

/** The engine quotes the payload in its message, which may be long or hold anything; or gives a place alone. */
function problemOf(cause: unknown, text: string): string {
  const message = cause instanceof Error ? cause.message : String(cause)
  const place = /at position (\d+)/.exec(message)
  const found = place === null ? undefined : text.codePointAt(Number(place[1]))
  const what = found === undefined ? '' : ` (found "${String.fromCodePoint(found)}")`
  return `${errorLine(escapeUnseen(message), REASON_MAX - what.length)}${escapeUnseen(what)}`
}

const REASON_MAX = 140

/** Control and format characters, broken surrogates, and blanks other than the plain one. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu

const escapeUnseen = (text: string): string =>
  text.replace(UNSEEN, (char) => `\\u${(char.codePointAt(0) as number).toString(16).padStart(4, '0')}`)

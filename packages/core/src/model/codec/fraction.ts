import { MICROSECONDS_BELOW, MILLISECONDS_BELOW, SECONDS_BELOW } from './epoch-units.js'

/**
 * The decimals of the second that a readable time gives, where they go further than the millisecond at which times are
 * stored; else empty. The same time has the same ones however it is written. Two samples of one millisecond are told
 * apart by nothing else (invariant 2).
 */
export function fineFraction(value: unknown): string {
  switch (typeof value) {
    case 'number':
      // As devices send it nearly always.
      if (Number.isInteger(value) && value < MILLISECONDS_BELOW) return ''
      return ofEpoch(String(value), value)
    case 'bigint':
      return ofEpoch(String(value), Number(value))
    case 'string':
      return ofText(value)
    default:
      return ''
  }
}

function ofText(text: string): string {
  const isExtended = text.charCodeAt(4) === DASH
  const isBasic = !isExtended && (text.charCodeAt(8) | 0x20) === LETTER_T
  if (!isExtended && !isBasic) return ofEpoch(text, Number(text))
  const point = isExtended ? 19 : 15
  const code = text.charCodeAt(point)
  if (code !== POINT && code !== COMMA) return ''
  let end = point + 1
  while (isDigit(text.charCodeAt(end))) end++
  return fine(text.slice(point + 1, end))
}

/** From the digits, since a double cannot hold the nanoseconds of a text, and its product with 1000 is not exact. */
function ofEpoch(digits: string, value: number): string {
  if (digits.includes('e')) return ''
  const [whole = '', decimals = ''] = digits.split('.')
  const below =
    value < SECONDS_BELOW ? 0 : value < MILLISECONDS_BELOW ? 3 : value < MICROSECONDS_BELOW ? 6 : 9
  return fine((below === 0 ? '' : whole.slice(-below)) + decimals)
}

function fine(decimals: string): string {
  if (decimals.length <= 3) return ''
  let end = decimals.length
  while (end > 0 && decimals.charCodeAt(end - 1) === ZERO) end--
  return end > 3 ? decimals.slice(0, end) : ''
}

const isDigit = (code: number): boolean => code >= ZERO && code <= ZERO + 9

const ZERO = 0x30
const DASH = 0x2d
const POINT = 0x2e
const COMMA = 0x2c
const LETTER_T = 0x74

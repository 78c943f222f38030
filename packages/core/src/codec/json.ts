import type { Codec } from './codec.js'
import { parseJson, trimJson } from './json-text.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The default codec: UTF-8, strictly; bytes that are no text are refused instead of replaced. A byte order mark, NULs and
 * blanks around the JSON do not count.
 */
export const jsonCodec: Codec = Object.freeze({
  name: 'json',
  contentType: 'application/json',
  decode: (payload: Uint8Array): unknown => parseJson(trimJson(readText(payload))),
  encode(value: unknown): Uint8Array {
    const text = JSON.stringify(value)
    // Undefined and functions have no JSON at all.
    if (text === undefined) throw new TypeError(`a value of type ${typeof value} cannot be written as JSON`)
    return encoder.encode(text)
  },
})

function readText(payload: Uint8Array): string {
  if (payload.length === 0) throw new SyntaxError('the payload is empty')
  try {
    return decoder.decode(payload)
  } catch {
    throw new SyntaxError('the payload is not UTF-8 text')
  }
}

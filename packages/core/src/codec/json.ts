import type { Codec } from './codec.js'
import { errorLine } from './text.js'

const encoder = new TextEncoder()
// `ignoreBOM` keeps a byte order mark in the text, where JSON.parse refuses it like any other stray character.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The default codec: UTF-8, strictly; bytes that are no text are refused instead of replaced. */
export const jsonCodec: Codec = Object.freeze({
  name: 'json',
  contentType: 'application/json',
  decode: (payload: Uint8Array): unknown => parse(readText(payload)),
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    // The engine quotes the payload in its message, which may be long or hold anything.
    throw new SyntaxError(`the payload is not JSON: ${errorLine(cause, 120)}`)
  }
}

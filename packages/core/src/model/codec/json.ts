import { DeviceHubError } from '../errors.js'
import type { Codec } from './codec.js'
import { readJson, trimJson } from './json-text.js'
import { errorLine } from './text.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The default codec: UTF-8, strictly; bytes that are no text are refused instead of replaced. A byte order mark, NULs
 * and blanks around the JSON do not count. `nan` and `inf` outside of texts, which firmware prints for a sensor that
 * failed, are read as NaN: a value that fits no field, beside others that do.
 *
 * @example
 * import { jsonCodec } from '@devicehub/core'
 *
 * jsonCodec.encode({ temperature: 21.5 }, { channel: 'data' }) // the bytes of {"temperature":21.5}
 */
export const jsonCodec: Codec = Object.freeze({
  name: 'json',
  contentType: 'application/json',
  decode: (payload: Uint8Array): unknown => readJson(trimJson(readText(payload))).value,
  encode(value: unknown): Uint8Array {
    const text = written(value)
    // Undefined and functions have no JSON at all.
    if (text === undefined) throw refused(`a value of type ${typeof value} cannot be written as JSON`)
    return encoder.encode(text)
  },
})

function readText(payload: Uint8Array): string {
  if (!isBytes(payload)) throw refused('the payload is no Uint8Array')
  if (payload.length === 0) throw refused('the payload is empty')
  try {
    return decoder.decode(payload)
  } catch {
    throw refused('the payload is not UTF-8 text')
  }
}

function written(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw refused(`the value cannot be written as JSON: ${errorLine(cause, 120)}`)
  }
}

const refused = (message: string) => new DeviceHubError('invalid_payload', message)

function isBytes(payload: unknown): boolean {
  try {
    return payload instanceof Uint8Array
  } catch {
    return false
  }
}

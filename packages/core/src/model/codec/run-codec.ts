import { DeviceHubError, isDeviceHubError } from '../errors.js'
import type { Codec, CodecContext, DecodeContext } from './codec.js'
import { jsonCodec } from './json.js'
import { plainValue } from './plain-value.js'
import { errorLine } from './text.js'
import { isThenable, neverUnhandled } from './thenable.js'

/**
 * What a codec makes of bytes that a stranger sent, as plain values of its own: nothing in it runs code, refers to itself
 * or changes later. `invalid_payload` with what the codec says, or with what is wrong with what it returned.
 */
export function decodeWith(codec: Codec, payload: Uint8Array, context: DecodeContext): unknown {
  try {
    const value = codec.decode(payload, context)
    // What JSON.parse makes is plain.
    return codec === jsonCodec ? value : plainValue(value)
  } catch (cause) {
    throw refused(cause)
  }
}

/** The bytes that a codec makes of a value. `invalid_payload` with what the codec says, or for what are no bytes. */
export function encodeWith(codec: Codec, value: unknown, context: CodecContext): Uint8Array {
  try {
    const bytes: unknown = codec.encode(value, context)
    if (bytes instanceof Uint8Array) return bytes
    if (isThenable(bytes)) {
      neverUnhandled(bytes)
      throw new TypeError('encode() is asynchronous; it has to return the bytes themselves')
    }
    throw new TypeError(`encode() has to return a Uint8Array, not ${bytes === null ? 'null' : typeof bytes}`)
  } catch (cause) {
    throw refused(cause)
  }
}

/** A codec is the application's, and throws what it likes. */
const refused = (cause: unknown): DeviceHubError =>
  isDeviceHubError(cause) ? cause : new DeviceHubError('invalid_payload', errorLine(cause), { cause })

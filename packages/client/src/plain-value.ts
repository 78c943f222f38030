import * as check from '@devicehub/core/check'
import { DeviceHubError, isDeviceHubError } from '@devicehub/core/definition'
import { errorLine } from '@devicehub/core/transport'

/** How binary values are written: text for JSON, bytes for a codec that has them. */
export type BinaryForm = 'base64' | 'bytes'

/** A value without a declared field as it goes into a payload. `invalid_payload` for what JSON cannot hold; it names `what`. */
export function encodePlain(value: unknown, what: string, binary: BinaryForm): unknown {
  try {
    return encodeReadable(value, what, binary)
  } catch (cause) {
    if (isDeviceHubError(cause)) throw cause
    throw new DeviceHubError('invalid_payload', `${what} cannot be read: ${errorLine(cause)}`, { cause })
  }
}

function encodeReadable(value: unknown, what: string, binary: BinaryForm): unknown {
  if (value instanceof Uint8Array) return binary === 'bytes' ? value : toBase64(value)
  if (value instanceof Date) {
    if (!Number.isNaN(value.getTime())) return value.toISOString()
    throw new DeviceHubError('invalid_payload', `${what} is an invalid Date`)
  }
  if (isJson(value)) return value
  throw new DeviceHubError('invalid_payload', `${what} is ${describe(value)}, which a payload cannot hold`)
}

/** JSON.stringify would turn NaN into null and drop functions without a word. At most 64 levels deep. */
export const isJson = (value: unknown): boolean => check.fits(check.json, value)

export const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value)
      ? 'an array with values that are not JSON'
      : `an object of ${value.constructor?.name ?? 'no class'}`
  return typeof value === 'number' ? String(value) : `a ${typeof value}`
}

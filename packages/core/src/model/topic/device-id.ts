import { showValue } from '../check/show-value.js'
import { toLine } from '../codec/text.js'
import { DeviceHubError } from '../errors.js'

/** Characters of a device id, unless the hub admits fewer. */
export const DEVICE_ID_MAX_LENGTH = 128

/** What it must be, for errors. */
export const DEVICE_ID_RULE = 'a text of the letters a to z, digits, _ and -'

/** Marks of the characters a device id may hold: `A-Z a-z 0-9 _ -`. */
const ALLOWED = new Uint8Array(128)
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-') {
  ALLOWED[character.charCodeAt(0)] = 1
}

/**
 * Letters a to z, digits, `_` and `-` only. An id is a topic level, a part of broker rules and of client ids, and
 * brokers treat other characters as they please: some read `.` and `*` as separators and wildcards.
 */
export function isValidDeviceId(id: string, maxLength = DEVICE_ID_MAX_LENGTH): boolean {
  if (typeof id !== 'string' || typeof maxLength !== 'number') return false
  const { length } = id
  if (length === 0 || length > maxLength) return false
  for (let i = 0; i < length; i++) {
    // Beyond the table is undefined.
    if (ALLOWED[id.charCodeAt(i)] !== 1) return false
  }
  return true
}

/** Why an id is refused; null for a good one. */
export function deviceIdProblem(id: unknown, maxLength = DEVICE_ID_MAX_LENGTH): string | null {
  if (typeof id !== 'string') return 'is not a text'
  if (id === '') return 'is empty'
  if (typeof maxLength !== 'number') return `cannot be compared with a length of ${showValue(maxLength)}`
  if (id.length > maxLength) return `has ${id.length} characters; at most ${maxLength} are allowed`
  if (isValidDeviceId(id, maxLength)) return null
  const bad = Array.from(id).find((character) => ALLOWED[character.codePointAt(0) ?? 0] !== 1) ?? ''
  const code = (bad.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  const shown = /^[\x21-\x7e]$/.test(bad) ? `"${bad}" ` : ''
  return `holds ${shown}(U+${code}); only the letters a to z, digits, _ and - are allowed`
}

/** `invalid_device_id` with the reason. */
export function assertDeviceId(id: unknown, maxLength = DEVICE_ID_MAX_LENGTH): asserts id is string {
  const problem = deviceIdProblem(id, maxLength)
  if (problem === null) return
  throw new DeviceHubError('invalid_device_id', `The device id ${showValue(id)} ${problem}`, {
    details: { deviceId: typeof id === 'string' ? toLine(id, 256) : showValue(id) },
  })
}

import { isStorableText } from '../model/codec/text.js'
import { DeviceHubError } from '../model/errors.js'

export const USERNAME_MAX = 255
export const SECRET_MAX = 1024

/** NUL ends a text in some brokers and databases; a lone surrogate has no UTF-8 of its own, and would be taken for another one. */
const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= max && isStorableText(value)

/** What cannot be a user name is refused without work. */
export const isUsername = (value: unknown): value is string => isText(value, USERNAME_MAX)

/** The same for passwords and keys. */
export const isSecret = (value: unknown): value is string => isText(value, SECRET_MAX)

export function assertUsername(value: unknown): asserts value is string {
  if (!isUsername(value)) throw unacceptable('a user name', USERNAME_MAX)
}

export function assertSecret(value: unknown): asserts value is string {
  if (!isSecret(value)) throw unacceptable('a password or key', SECRET_MAX)
}

const unacceptable = (what: string, max: number) =>
  new DeviceHubError(
    'invalid_options',
    `${what} must be a text of 1 to ${max} characters, without NUL and lone surrogates`,
  )

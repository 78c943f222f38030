import { isStorableText } from '../model/codec/text.js'
import { DeviceHubError } from '../model/errors.js'

export const USERNAME_MAX = 255
export const SECRET_MAX = 1024

/** No NUL, which ends a string in some brokers and databases; no lone surrogate, which UTF-8 cannot tell from another one. */
const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= max && isStorableText(value)

/** Whether it can be a user name. Cheap: asked before any lookup or hash. */
export const isUsername = (value: unknown): value is string => isText(value, USERNAME_MAX)

/** Whether it can be a password or an API key. */
export const isSecret = (value: unknown): value is string => isText(value, SECRET_MAX)

/** `invalid_options`. */
export function assertUsername(value: unknown): asserts value is string {
  if (!isUsername(value)) throw invalid('a user name', USERNAME_MAX)
}

/** `invalid_options`. */
export function assertSecret(value: unknown): asserts value is string {
  if (!isSecret(value)) throw invalid('a password or key', SECRET_MAX)
}

const invalid = (what: string, max: number) =>
  new DeviceHubError(
    'invalid_options',
    `${what} must be a text of 1 to ${max} characters, without NUL and lone surrogates`,
  )

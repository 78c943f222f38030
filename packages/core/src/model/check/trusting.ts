import { DeviceHubError, type ErrorCode, isDeviceHubError } from '../errors.js'

/**
 * For functions that are called a row or a message at a time, with what was checked before it came here: nothing is looked
 * at again, which would cost each message, and what they cannot work with is refused with the function's name.
 *
 * @example
 * import { trusting } from '@devicehub/core/check'
 *
 * export const lengthOf = trusting('lengthOf', 'an object with a length', (row: { length: number }) => row.length)
 */
export function trusting<Run extends (...given: never[]) => unknown>(
  call: string,
  expected: string,
  run: Run,
  code: ErrorCode = 'invalid_options',
): Run {
  const trusted = (...given: never[]): unknown => {
    try {
      return run(...given)
    } catch (cause) {
      if (isDeviceHubError(cause)) throw cause
      throw new DeviceHubError(code, `${call}: it must be given ${expected}`, {
        details: { function: call, expected },
        cause,
      })
    }
  }
  return trusted as Run
}

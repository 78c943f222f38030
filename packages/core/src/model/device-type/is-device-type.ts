import type { AnyDeviceType } from './device-type.js'

/**
 * Looks at the value, not at its class: two copies of this package may be loaded.
 *
 * @example
 * import { isDeviceType } from '@devicehub/core/definition'
 * import * as exported from './hub.js'
 *
 * const types = Object.values(exported).filter(isDeviceType)
 */
export function isDeviceType(value: unknown): value is AnyDeviceType {
  if (typeof value !== 'object' || value === null) return false
  try {
    const type = value as Partial<AnyDeviceType>
    return (
      type.kind === 'device-type' &&
      typeof type.key === 'string' &&
      [type.readingNames, type.stateNames].every(Array.isArray) &&
      [type.readings, type.commands, type.state, type.options, type.hooks].every(
        (part) => typeof part === 'object' && part !== null,
      )
    )
  } catch {
    return false
  }
}

import { type Rule, satisfies, withCode } from '../check/index.js'
import type { AnyDeviceType } from './device-type.js'
import { isDeviceType } from './is-device-type.js'

/** In a list of types. */
export const declaredType: Rule<AnyDeviceType> = satisfies(
  'a device type made by defineDeviceType',
  isDeviceType,
)

/** Whether it is one that is known is for others to say. */
export const deviceType: Rule<AnyDeviceType> = withCode('unknown_type', declaredType)

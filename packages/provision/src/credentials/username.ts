import type { AnyDeviceType } from '@devicehub/core'

/**
 * The user name of a device at brokers, and the one client id it may use. No two devices of a hub have the same: a type's
 * key has no `-`.
 */
export const usernameOf = (type: AnyDeviceType, deviceId: string): string => `${type.key}-${deviceId}`

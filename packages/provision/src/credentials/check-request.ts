import { type AnyDeviceType, DeviceHubError } from '@devicehub/core'
import type { CredentialKind } from '@devicehub/core/storage'
import { assertDeviceId } from '@devicehub/core/transport'
import type { ProvisionHub } from '../provision-hub.js'
import { usernameOf } from './username.js'

/** What the column mqtt_username holds. */
const USERNAME_MAX = 255

/** `unknown_type`, `invalid_device_id`. */
export function assertDevice(
  { types, deviceIdMaxLength }: Pick<ProvisionHub, 'types' | 'deviceIdMaxLength'>,
  type: AnyDeviceType,
  deviceId: string,
): void {
  assertType(types, type)
  assertDeviceId(deviceId, deviceIdMaxLength)
  const { length } = usernameOf(type, deviceId)
  if (length <= USERNAME_MAX) return
  throw new DeviceHubError(
    'invalid_device_id',
    `The user name of ${type.name} "${deviceId.slice(0, 40)}..." would have ${length} characters; at most ${USERNAME_MAX} are allowed`,
    { details: { deviceId } },
  )
}

export function assertType(types: readonly AnyDeviceType[], type: AnyDeviceType): void {
  if (types.includes(type)) return
  const known = types.map(({ name }) => name).join(', ') || 'none'
  throw new DeviceHubError(
    'unknown_type',
    `${type.name} is not a type of this hub (${known}); list it in createDeviceHub({ types })`,
  )
}

/** Epoch milliseconds; null: no end. */
export function checkExpiry(expiresAt: Date | undefined, now: number): number | null {
  if (expiresAt === undefined) return null
  const time = expiresAt.getTime()
  if (time > now) return time
  throw new DeviceHubError(
    'invalid_options',
    `expiresAt must be a time in the future, not ${Number.isNaN(time) ? 'an invalid date' : expiresAt.toISOString()}`,
  )
}

export const notFound = (type: AnyDeviceType, deviceId: string): DeviceHubError =>
  new DeviceHubError(
    'device_not_found',
    `there is no ${type.name} "${deviceId}"; create it with devices.create, or with { create: true } when its credentials are generated`,
    { details: { type: type.key, deviceId } },
  )

export const hasCredentials = (type: AnyDeviceType, deviceId: string, kinds: readonly CredentialKind[]) =>
  new DeviceHubError(
    'credential_taken',
    `${type.name} "${deviceId}" has ${kinds
      .map((kind) => (kind === 'password' ? 'a password' : 'an API key'))
      .join(' or ')} already; replace it with rotate`,
    { details: { type: type.key, deviceId } },
  )

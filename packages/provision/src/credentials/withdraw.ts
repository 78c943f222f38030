import { type AnyDeviceType, DeviceHubError } from '@devicehub/core'
import { type CredentialKind, isCredentialGood } from '@devicehub/core/storage'
import { randomIds } from '@devicehub/core/transport'
import type { ProvisionHub } from '../provision-hub.js'
import { assertDevice, checkExpiry } from './check-request.js'
import { ALL_KINDS } from './make-credentials.js'
import { sinkDevice } from './sink-device.js'
import type { SinkTeller } from './tell-sinks.js'
import { usernameOf } from './username.js'
import { writeInStep } from './write-in-step.js'

/** What a device authenticates with; never what its secrets are. */
export interface CredentialInfo {
  /** `password` or `api_key`. */
  readonly kind: CredentialKind
  /** When it was issued. */
  readonly createdAt: Date
  /** Null: good until it is rotated or revoked. */
  readonly expiresAt: Date | null
}

const PASSWORD_MIN = 12
const PASSWORD_MAX = 1_024

/**
 * All credentials of a device end. Its user name stays its own: a device without one was never issued anything, and may
 * still be claimed.
 */
export async function revoke(
  hub: ProvisionHub,
  teller: SinkTeller,
  type: AnyDeviceType,
  deviceId: string,
): Promise<void> {
  assertDevice(hub, type, deviceId)
  const username = usernameOf(type, deviceId)
  const { sinkErrors } = await writeInStep(hub, teller, type, deviceId, {
    write() {
      const now = hub.clock.now()
      return { create: null, retire: { kinds: ALL_KINDS, at: now }, add: [], username, now }
    },
    change: () => ({ kind: 'remove', username }),
  })
  throwFirst(sinkErrors)
}

/** A password that a person chose, in the place of the one the device has. */
export async function setPassword(
  hub: ProvisionHub,
  teller: SinkTeller,
  type: AnyDeviceType,
  deviceId: string,
  password: string,
  options: { readonly expiresAt?: Date },
): Promise<void> {
  assertDevice(hub, type, deviceId)
  if (typeof password !== 'string' || password.length < PASSWORD_MIN || password.length > PASSWORD_MAX)
    throw new DeviceHubError(
      'invalid_options',
      `a password has ${PASSWORD_MIN} to ${PASSWORD_MAX.toLocaleString('en')} characters; this one has ${typeof password === 'string' ? password.length : 'none'}`,
    )
  const expiresAt = checkExpiry(options.expiresAt, hub.clock.now())
  const username = usernameOf(type, deviceId)
  const hash = await hub.credentials.hashes.slow(password)
  const { sinkErrors } = await writeInStep(hub, teller, type, deviceId, {
    write() {
      const now = hub.clock.now()
      const id = randomIds.next()
      const add = [{ id, kind: 'password' as const, lookup: username, hash, createdAt: now, expiresAt }]
      return { create: null, retire: { kinds: ['password'], at: now }, add, username, now }
    },
    change: () => ({ kind: 'set', device: sinkDevice(hub, type, deviceId), password }),
  })
  throwFirst(sinkErrors)
}

/** Those that are good now. */
export async function listCredentials(
  hub: ProvisionHub,
  type: AnyDeviceType,
  deviceId: string,
): Promise<readonly CredentialInfo[]> {
  assertDevice(hub, type, deviceId)
  const now = hub.clock.now()
  const found = await hub.storage.credentials.ofDevices(type, [deviceId])
  return found
    .filter((one) => isCredentialGood(one, now))
    .sort((a, b) => b.createdAt - a.createdAt || a.kind.localeCompare(b.kind))
    .map(({ kind, createdAt, expiresAt }) => ({
      kind,
      createdAt: new Date(createdAt),
      expiresAt: expiresAt === null ? null : new Date(expiresAt),
    }))
}

/** The caller holds no secret that would be lost with the error. The others are in the log. */
function throwFirst([error]: readonly DeviceHubError[]): void {
  if (error !== undefined) throw error
}

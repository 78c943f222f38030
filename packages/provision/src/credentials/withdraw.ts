import { type AnyDeviceType, type CredentialKind, DeviceHubError, randomIds } from '@devicehub/core'
import type { ProvisionHub } from '../provision-hub.js'
import { assertDevice, checkExpiry, notFound } from './check-request.js'
import { ALL_KINDS } from './make-credentials.js'
import { sinkDevice } from './sink-device.js'
import type { SinkTeller } from './tell-sinks.js'
import { usernameOf } from './username.js'

/** What a device authenticates with; never what its secrets are. */
export interface CredentialInfo {
  readonly kind: CredentialKind
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
  const { sinkErrors } = await teller.inStep(async () => {
    const now = hub.clock.now()
    const [outcome] = await hub.storage.credentials.write([
      {
        type,
        deviceId,
        create: null,
        onlyNew: false,
        retire: { kinds: ALL_KINDS, at: now },
        add: [],
        username: usernameOf(type, deviceId),
        now,
      },
    ])
    if (outcome === 'device_not_found') throw notFound(type, deviceId)
    return { result: outcome, changes: () => [{ kind: 'remove', username: usernameOf(type, deviceId) }] }
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
  const { sinkErrors } = await teller.inStep(async () => {
    const now = hub.clock.now()
    const [outcome] = await hub.storage.credentials.write([
      {
        type,
        deviceId,
        create: null,
        onlyNew: false,
        retire: { kinds: ['password'], at: now },
        add: [{ id: randomIds.next(), kind: 'password', lookup: username, hash, createdAt: now, expiresAt }],
        username,
        now,
      },
    ])
    if (outcome === 'device_not_found') throw notFound(type, deviceId)
    return {
      result: outcome,
      changes: () => [{ kind: 'set', device: sinkDevice(hub, type, deviceId), password }],
    }
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
    .filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
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

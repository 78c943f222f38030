import { onTestFinished } from 'vitest'
import {
  type CredentialOptions,
  createDeviceHub,
  type DeviceHub,
  type DeviceHubOptions,
  defineDeviceType,
  memoryStorage,
  reading,
  type StorageAdapter,
  silentLogger,
} from '../../index.js'
import {
  type CredentialStore,
  type CredentialWrite,
  type NewCredential,
  newDeviceRecord,
} from '../../storage.js'
import { randomIds, type SignalSink } from '../../transport.js'

export const SECRET = 'a-secret-of-the-tests-0123456789'
export const Lock = defineDeviceType('lock', { readings: { bolt: reading.boolean() } })
export const Gate = defineDeviceType('gate', { readings: { bolt: reading.boolean() } })
export const clock = { time: Date.UTC(2026, 3, 1), now: () => clock.time }

/** Closed after the test. */
export function hubOn(
  storage: StorageAdapter = memoryStorage(),
  credentials: Partial<CredentialOptions> = {},
  options: Partial<DeviceHubOptions<SignalSink>> = {},
): DeviceHub {
  const hub = createDeviceHub({
    types: [Lock, Gate],
    storage,
    clock,
    logger: silentLogger,
    credentials: { secret: SECRET, ...credentials },
    ...options,
  })
  onTestFinished(() => hub.close())
  return hub
}

export const usernameOf = (deviceId: string) => `lock-${deviceId}`
export const passwordOf = (deviceId: string) => `password of ${deviceId}`

interface Issued extends Partial<NewCredential> {
  /** For the ones it has. */
  readonly retireAt?: number
}

function writeOf(hub: DeviceHub, deviceId: string, { retireAt, ...fields }: Issued): CredentialWrite {
  const lookup = fields.lookup ?? usernameOf(deviceId)
  const credential = {
    id: randomIds.next(),
    kind: 'password' as const,
    lookup,
    hash: fields.hash ?? hub.credentials.hashes.keyed(lookup, passwordOf(deviceId)),
    createdAt: clock.now(),
    expiresAt: null,
    ...fields,
  }
  return {
    type: Lock,
    deviceId,
    create: newDeviceRecord(Lock, { deviceId }, clock.now()),
    onlyNew: false,
    retire: retireAt === undefined ? null : { kinds: [credential.kind], at: retireAt },
    add: [credential],
    username: undefined,
    now: clock.now(),
  }
}

/** A device with a password, and what else the test is about. */
export async function issue(hub: DeviceHub, deviceId: string, more: Issued = {}): Promise<void> {
  await hub.storage.credentials.write([writeOf(hub, deviceId, more)])
}

export async function issueAll(hub: DeviceHub, deviceIds: readonly string[]): Promise<void> {
  await hub.storage.credentials.write(deviceIds.map((deviceId) => writeOf(hub, deviceId, {})))
}

export async function revoke(hub: DeviceHub, deviceId: string): Promise<void> {
  await hub.storage.credentials.write([
    {
      type: Lock,
      deviceId,
      create: null,
      onlyNew: false,
      retire: { kinds: ['password', 'api_key'], at: clock.now() },
      add: [],
      username: undefined,
      now: clock.now(),
    },
  ])
}

export const login = async (hub: DeviceHub, deviceId: string, password = passwordOf(deviceId)) =>
  (await hub.credentials.verify({ username: usernameOf(deviceId), password }))?.deviceId ?? null

/** A memory storage of which the calls of the credential store can be held back, counted or failed. */
export function withCredentials(
  change: (store: CredentialStore) => Partial<CredentialStore>,
  inner: StorageAdapter = memoryStorage(),
): StorageAdapter {
  return {
    name: 'changed',
    open(context) {
      const storage = inner.open(context)
      const own = storage.credentials
      const bound: CredentialStore = {
        find: (kind, lookups) => own.find(kind, lookups),
        ofDevices: (type, ids) => own.ofDevices(type, ids),
        write: (writes) => own.write(writes),
        changes: (position, limit) => own.changes(position, limit),
      }
      return { ...storage, credentials: { ...bound, ...change(bound) } }
    },
  }
}

/** Fails by the test's own limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

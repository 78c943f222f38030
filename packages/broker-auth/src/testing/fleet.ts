import { randomBytes, randomUUID } from 'node:crypto'
import {
  type AnyDeviceType,
  createDeviceHub,
  type DeviceHub,
  type DeviceHubOptions,
  defineDeviceType,
  reading,
  silentLogger,
} from '@devicehub/core'
import { newDeviceRecord } from '@devicehub/core/storage'

export const Sensor = defineDeviceType('sensor', { readings: { temperature: reading.float() } })
export const Pump = defineDeviceType('pump', { readings: { flow: reading.float() } })

/** The login of one device. */
export interface Login {
  readonly username: string
  readonly password: string
}

/** A hub of two types, whose devices are given credentials without the package that does so. */
export interface Fleet extends AsyncDisposable {
  readonly hub: DeviceHub
  /** Makes the device if need be; its user name is `<type>-<device id>`. */
  issue(type: AnyDeviceType, deviceId: string): Promise<Login>
  /** From now on the device has no credential. */
  revoke(type: AnyDeviceType, deviceId: string): Promise<void>
}

export function startFleet(options: Partial<DeviceHubOptions<never>> = {}): Fleet {
  const hub: DeviceHub = createDeviceHub({
    types: [Sensor, Pump],
    logger: silentLogger,
    ...options,
    credentials: { secret: randomBytes(32).toString('base64'), ...options.credentials },
  })

  async function write(type: AnyDeviceType, deviceId: string, login: Login | null): Promise<void> {
    const now = hub.clock.now()
    const { credentials } = hub.storage
    const add = login && {
      id: randomUUID(),
      kind: 'password' as const,
      lookup: login.username,
      hash: hub.credentials.hashes.keyed(login.username, login.password),
      createdAt: now,
      expiresAt: null,
    }
    await credentials.write([
      {
        type,
        deviceId,
        create: newDeviceRecord(type, { deviceId }, now),
        onlyNew: false,
        retire: { kinds: ['password'], at: now },
        add: add === null ? [] : [add],
        username: login?.username ?? null,
        now,
      },
    ])
  }

  return {
    hub,
    async issue(type, deviceId) {
      const login = {
        username: `${type.key}-${deviceId}`,
        password: randomBytes(32).toString('base64url'),
      }
      await write(type, deviceId, login)
      return login
    },
    revoke: (type, deviceId) => write(type, deviceId, null),
    [Symbol.asyncDispose]: () => hub.close(),
  }
}

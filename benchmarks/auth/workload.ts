import { createHash } from 'node:crypto'
import {
  createDeviceHub,
  defineDeviceType,
  reading,
  type StorageAdapter,
  silentLogger,
} from '@devicehub/core'

export const Sensor = defineDeviceType('sensor', { readings: { temperature: reading.float() } })

/** Of a made-up key: the server and the storm, in processes of their own, agree on it. */
export const SECRET = 'a-key-for-the-benchmark-and-for-nothing-else'
export const deviceId = (n: number): string => `S${n}`
export const username = (n: number): string => `sensor-${deviceId(n)}`
export const password = (n: number): string =>
  createHash('sha256').update(`${SECRET} ${n}`).digest('base64url')

export const openHub = (storage: StorageAdapter) =>
  createDeviceHub({
    types: [Sensor],
    storage,
    logger: silentLogger,
    credentials: { secret: SECRET },
  })

/** One decision asked for, as EMQX asks. */
export const loginBody = (n: number): string =>
  JSON.stringify({ username: username(n), password: password(n), clientid: username(n) })

import { defineDeviceType, reading } from '@devicehub/core'
import type { SinkDevice } from '../credential-sink.js'

const readings = { temperature: reading.float() }
const types = {
  station: defineDeviceType('station', { readings }),
  pump: defineDeviceType('pump', { readings }),
}

/** A device of a type, with the topics of the wire contract. */
export function sinkDevice(type: keyof typeof types, deviceId: string): SinkDevice {
  const own = (channel: string) => `things/${type}/${deviceId}/${channel}`
  const username = `${type}-${deviceId}`
  return {
    type: types[type],
    deviceId,
    username,
    clientId: username,
    topics: {
      publish: ['data', 'status', 'response', 'state'].map(own),
      subscribe: ['cmd', 'desired'].map(own),
    },
  }
}

/** As a hub gives them to `sync`. */
export async function* stream(...devices: SinkDevice[]): AsyncGenerator<SinkDevice> {
  yield* devices
}

export const set = (device: SinkDevice, password: string) => ({ kind: 'set' as const, device, password })
export const remove = (username: string) => ({ kind: 'remove' as const, username })

import { createDeviceHub } from '../../hub/create-device-hub.js'
import type { DeviceHubOptions } from '../../hub/device-hub-options.js'
import type { AnyDeviceType } from '../../model/device-type/device-type.js'
import type { Channel } from '../../model/topic/index.js'
import { silentLogger } from '../../ports/logger.js'
import type { SignalSink } from '../../ports/signals.js'
import type { InboundMessage } from '../../ports/transport.js'

export const NOW = Date.parse('2026-05-01T10:00:00Z')

/** A hub with one device of the type, `d1`, and a clock that stands still unless it is moved. */
export async function deviceWorld(type: AnyDeviceType, options: Partial<DeviceHubOptions<SignalSink>> = {}) {
  const clock = { time: NOW, now: () => clock.time }
  const hub = createDeviceHub({ types: [type], logger: silentLogger, clock, ...options })
  await hub.devices.create(type, { deviceId: 'd1' })

  async function send(payload: unknown, channel: Channel = 'data', more: Partial<InboundMessage> = {}) {
    const [outcome] = await hub.ingest([
      {
        topic: `things/${type.key}/d1/${channel}`,
        payload:
          payload instanceof Uint8Array
            ? payload
            : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
        source: 'test',
        qos: 1,
        ...more,
      },
    ])
    return outcome
  }

  return {
    hub,
    clock,
    send,
    /** What a broker hands out at a subscription. */
    retained: (payload: unknown, channel: Channel = 'data') => send(payload, channel, { retained: true }),
    /** In the order of the measured times. */
    readings: async () => (await hub.readings.list(type, { order: 'asc' })).items,
    /** Newest first. */
    messages: async () => (await hub.messages.list(type)).items,
    device: () => hub.devices.get(type, 'd1'),
    record: async () => (await hub.storage.devices.find(type, ['d1']))[0],
  }
}

import {
  command,
  createDeviceHub,
  defineDeviceType,
  memoryStorage,
  reading,
  type StorageAdapter,
  silentLogger,
  state,
} from '@devicehub/core'
import { createSignals } from '@devicehub/signals'
import { z } from 'zod'

export const Station = defineDeviceType('check_station', {
  heartbeatInterval: 300,
  readings: {
    temperature: reading.float({ range: [-40, 80] }),
    count: reading.integer(),
    door: reading.enum(['open', 'closed']),
    note: reading.string(),
    at: reading.datetime(),
    extra: reading.json(),
    raw: reading.binary(),
    place: reading.geo(),
  },
  commands: {
    reboot: command(),
    set_interval: command({
      payload: z.object({ interval: z.int() }),
      result: z.object({ previous: z.int() }),
    }),
  },
  state: { mode: state.enum(['continuous', 'burst'], { default: 'continuous' }), level: state.integer() },
})

export const SECRET = 'a secret of the tests, long enough'

/** A hub with a device and what else the calls name. */
export async function createWorld(storage: StorageAdapter = memoryStorage()) {
  const signals = createSignals({ logger: silentLogger })
  const hub = createDeviceHub({
    types: [Station],
    storage,
    signals,
    logger: silentLogger,
    credentials: { secret: SECRET },
  })
  await hub.storage.migrate()
  for (const deviceId of ['S-1', 'S-2', 'S-3']) await hub.devices.create(Station, { deviceId })
  await hub.ingest([message('data', { temperature: 20 }), message('data', 'no object')])
  const { items } = await hub.messages.list(Station)
  const rejected = items.find(({ status }) => status === 'rejected')
  const { id: commandId } = await hub.commands.send(Station, 'S-1', 'reboot')
  const consumer = hub.consume('checks', { types: [Station], from: 'beginning' }, () => {})
  return {
    hub,
    adapter: storage,
    signals,
    consumer,
    commandId,
    ref: { typeKey: Station.key, id: rejected?.id ?? '1' },
  }
}

export type World = Awaited<ReturnType<typeof createWorld>>

export const message = (channel: string, payload: unknown, deviceId = 'S-1') => ({
  topic: `things/${Station.key}/${deviceId}/${channel}`,
  payload: new TextEncoder().encode(JSON.stringify(payload)),
  source: 'checks',
})

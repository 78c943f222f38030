import { createDeviceHub, defineDeviceType, reading, silentLogger } from '@devicehub/core'
import { createFakeBroker } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener } from '../index.js'

const Station = defineDeviceType('station', { readings: { level: reading.float() } })

test('start() on a hub that is closed is refused at once, by a listener of before and by a new one', async () => {
  await using broker = await createFakeBroker()
  const hub = createDeviceHub({ types: [Station], logger: silentLogger })
  await hub.storage.migrate()
  const options = { url: broker.url, clientId: 'hub-1', sharedGroup: false } as const
  const before = createMqttListener(hub, options)
  await before.start()
  const connections = broker.connections.length
  await hub.close()
  const after = createMqttListener(hub, { ...options, clientId: 'hub-2' })
  for (const listener of [before, after])
    await expect(listener.start()).rejects.toMatchObject({
      code: 'closed',
      message: expect.stringMatching(/the hub is closed/),
    })
  expect(before.stats().state).toBe('idle')
  expect(broker.connections).toHaveLength(connections)
})

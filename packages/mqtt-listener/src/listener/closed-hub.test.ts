import { createDeviceHub, defineDeviceType, reading, silentLogger } from '@devicehub/core'
import { createFakeBroker } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener } from '../index.js'

const Station = defineDeviceType('station', { readings: { level: reading.float() } })

test('on a hub that is closed no listener is made, and one of before does not start', async () => {
  await using broker = await createFakeBroker()
  const hub = createDeviceHub({ types: [Station], logger: silentLogger })
  await hub.storage.migrate()
  const options = { url: broker.url, clientId: 'hub-1', sharedGroup: false } as const
  const before = createMqttListener(hub, options)
  await before.start()
  const connections = broker.connections.length
  await hub.close()
  const refused = { code: 'closed', message: expect.stringMatching(/the hub is closed/) }
  expect(() => createMqttListener(hub, { ...options, clientId: 'hub-2' })).toThrow(
    expect.objectContaining(refused),
  )
  await expect(before.start()).rejects.toMatchObject(refused)
  expect(before.stats().state).toBe('idle')
  expect(broker.connections).toHaveLength(connections)
})

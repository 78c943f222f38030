import { defineDeviceType } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { createDeviceClient } from './create-device-client.js'
import type { DeviceClientOptions } from './device-client-options.js'

const url = 'mqtt://127.0.0.1:1'
const create = (options: Partial<DeviceClientOptions>) =>
  createDeviceClient({ type: 'sensor' }, { url, deviceId: 'S-1', ...options })

test.each<[Partial<DeviceClientOptions>, RegExp]>([
  [{ url: 'broker.example.com' }, /url/],
  [{ url: 'http://broker.example.com' }, /not http:/],
  [{ url: 'mqtt://me:secret@broker.example.com' }, /credentials/],
  [{ tls: { ca: 'x' } }, /mqtts:\/\//],
  [{ protocolVersion: 3 as 4 }, /protocolVersion/],
  [{ maxInFlight: 0 }, /maxInFlight is a whole number of at least 1, not 0/],
  [{ maxQueued: 1.5 }, /maxQueued/],
  [{ keepalive: -1 }, /keepalive/],
])('%o is refused', (options, message) => {
  expect(() => create(options)).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
  )
})

test.each(['mqtt://me:hunter2@broker.example.com', 'me:hunter2@[broker'])(
  'an error about the url %# does not show its password',
  (bad) => {
    let message = ''
    try {
      create({ url: bad })
    } catch (error) {
      message = String(error)
    }
    expect(message).toMatch(/url/)
    expect(message).not.toContain('hunter2')
  },
)

test.each(['', 'a/b', 'a+', '#', 'a b', 'x'.repeat(129)])('the device id %j is refused', (deviceId) => {
  expect(() => create({ deviceId })).toThrow(expect.objectContaining({ code: 'invalid_device_id' }))
})

test.each(['', '/things', 'a/+/b', '#', '$SYS'])('the topic prefix %j is refused', (topicPrefix) => {
  expect(() => create({ topicPrefix })).toThrow(expect.objectContaining({ code: 'invalid_topic' }))
})

test('an abstract type has no devices', () => {
  const Base = defineDeviceType('base', { abstract: true })
  expect(() => createDeviceClient(Base, { url, deviceId: 'S-1' })).toThrow(/abstract/)
})

test('what is sent before connect() says so', async () => {
  const client = create({})
  await expect(client.record({ value: 1 })).rejects.toMatchObject({
    message: expect.stringMatching(/call connect\(\) first/),
  })
  await client.close()
  expect(client.state).toBe('closed')
})

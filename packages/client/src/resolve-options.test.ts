import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  [{ tls: { ca: '-----BEGIN CERTIFICATE-----' } }, /mqtts:\/\//],
  [
    { tls: { ca: '/path/ca.pem' } },
    /tls\.ca must be .*the PEM text .* not a path: read it with readFileSync/,
  ],
  [{ tls: { cert: Buffer.from('a.pem') } }, /tls\.cert must be the PEM text/],
  [{ tls: { key: './key.pem' } }, /^(?!.*key\.pem).*tls\.key must be the PEM text/],
  [{ protocolVersion: 3 as 4 }, /protocolVersion/],
  [{ maxInFlight: 0 }, /maxInFlight must be a whole number of at least 1, not 0/],
  [{ maxQueued: 1.5 }, /maxQueued/],
  [{ keepAlive: -1 }, /keepAlive/],
  [{ clientID: 'a' } as object, /"clientID" is not known here; did you mean clientId/],
  [{ topicPrefx: 'a' } as object, /did you mean topicPrefix/],
  [{ reconnect: { min: -1 } }, /reconnect\.min must be a duration from 0s to 1m/],
  [
    { outbox: { folder: 'x', maxBites: 1 } as never },
    /outbox\."maxBites" is not known here; did you mean maxBytes/,
  ],
  [{ credentials: { username: 'x' } as never }, /credentials\.password is missing/],
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

test.each([null, undefined, 5, 'x', []])('%o in place of the options is refused', (options) => {
  expect(() => createDeviceClient({ type: 'sensor' }, options as never)).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(/options must be/) }),
  )
})

test.each([null, undefined, {}, 'sensor', { type: 5 }, { typ: 'x' }])('%o is no device', (device) => {
  expect(() => createDeviceClient(device as never, { url, deviceId: 'S-1' })).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/invalid_(options|definition)/) }),
  )
})

test('what is given to a method is checked, and secrets are not shown', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'devicehub-'))
  const client = create({ outbox: { folder } })
  const circular: Record<string, unknown> = {}
  circular.self = circular
  const never = null as never
  for (const [call, message] of [
    [() => client.record(never), /client\.record: readings must be an object/],
    [() => client.record({ circular }), /'circular' is an object/],
    [() => client.record({ a: 1 }, { timestamp: new Date(Number.NaN) }), /timestamp must be a valid Date/],
    [() => client.record({ a: 1 }, { id: '' }), /id must be a text of 1 to 128 characters/],
    [() => client.record({ a: 1 }, { id: 'a\0' }), /id must be a text/],
    [() => client.record({ a: 1 }, { time: 1 } as never), /"time" is not known here; did you mean timestamp/],
    [() => client.record({ a: 1 }, { signal: 5 as never }), /signal must be an AbortSignal/],
    [() => client.recordBatch(5 as never), /samples must be a list/],
    [() => client.recordBatch([{ readings: 5 as never }]), /samples\[0\]\.readings must be an object/],
    [() => client.close({ timeout: -1 }), /timeout must be a duration from 0s to 7d, or Infinity/],
    [() => client.connect({ timeout: 1 } as never), /"timeout" is not known here/],
  ] as [() => Promise<void>, RegExp][])
    await expect(call()).rejects.toMatchObject({
      name: 'DeviceHubError',
      message: expect.stringMatching(message),
    })
  expect(() => client.on('error', 5 as never)).toThrow(/handler must be a function/)
  expect(() => client.on('errors' as never, () => {})).toThrow(/name must be one of state, error/)
  expect(() => create({ credentials: { username: 'me', password: 5 as never } })).toThrow(/password must be/)
  await client.close()
  await rm(folder, { recursive: true })
})

test('what is sent before connect() is refused, and the error names connect()', async () => {
  const client = create({})
  await expect(client.record({ value: 1 })).rejects.toMatchObject({
    message: expect.stringMatching(/call connect\(\) first/),
  })
  await client.close()
  expect(client.state).toBe('closed')
})

import { describe, expect, test } from 'vitest'
import { cborCodec } from '../model/codec/cbor.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { deviceWorld, NOW } from './testing/device-world.js'

/** A device that was told to be offline ten seconds ago, and who is told of changes. */
async function sleeping(codec?: typeof cborCodec) {
  const told: string[] = []
  const Probe = defineDeviceType('probe', {
    readings: { level: reading.float() },
    ...(codec && { codec }),
    hooks: {
      onConnect: () => void told.push('connected'),
      onDisconnect: () => void told.push('disconnected'),
      onStatusChange: ({ newStatus }) => void told.push(newStatus),
    },
  })
  const world = await deviceWorld(Probe)
  await world.hub.devices.update(Probe, 'd1', { status: 'offline' })
  world.clock.time += 10_000
  return { ...world, told, status: async () => (await world.device())?.status }
}

describe('a status of which nobody can read whether the device is there may be its will', () => {
  test.each([
    '{"state":"offline"}',
    '{"online":false}',
    '{"Status":"offline"}',
    '{}',
    '{"status":null}',
    '{"status":"gone"}',
    '{"status":false}',
    '{"timestamp":1777629600}',
    '{"device_status":"offline","battery_level":10}',
  ])('%s is stored and flagged, wakes nobody and is told to nobody', async (will) => {
    const { send, status, told, messages, device } = await sleeping()
    expect(await send(will, 'status')).toMatchObject({ status: 'stored' })
    expect(await status()).toBe('offline')
    expect(told).toEqual([])
    expect(await messages()).toMatchObject([
      { status: 'processed', flags: 'unknown_status', payloadJson: will },
    ])
    // It is heard of all the same: presence has its own limit for silence.
    expect((await device())?.lastSeen).toEqual(new Date(NOW + 10_000))
  })

  test.each(['gone', 'true', '[]', '"gone"'])('%s is refused and wakes nobody', async (will) => {
    const { send, status, told } = await sleeping()
    expect(await send(will, 'status')).toMatchObject({ status: 'rejected' })
    expect(await status()).toBe('offline')
    expect(told).toEqual([])
  })

  test('an online device stays as it is, and what fits of the message counts', async () => {
    const { send, status, device } = await sleeping()
    await send({ status: 'online' }, 'status')
    await send({ state: 'offline', battery_level: 7 }, 'status')
    expect(await status()).toBe('online')
    expect((await device())?.batteryLevel).toBe(7)
  })

  test('what the device says of itself otherwise is a sign of life', async () => {
    const { send, status, told } = await sleeping()
    await send({ battery_level: 50, rssi: -60 }, 'status')
    expect(await status()).toBe('online')
    expect(told).toEqual(['online', 'connected'])
  })
})

describe('a status is read', () => {
  test.each([
    '{"status":"OFFLINE"}',
    '{"status":" Offline "}',
    '\ufeff{"status":"offline"}\0',
    'offline',
    'Offline\r\n',
    '"Offline"',
  ])('as devices write it: %j', async (will) => {
    const { send, status, told, messages } = await sleeping()
    await send({ status: 'online' }, 'status')
    expect(await send(will, 'status')).toMatchObject({ status: 'stored' })
    expect(await status()).toBe('offline')
    expect(told).toEqual(['online', 'connected', 'offline', 'disconnected'])
    expect((await messages())[0]).toMatchObject({ status: 'processed', flags: null })
  })

  test('as its word alone whatever the codec, and again by who follows the log', async () => {
    const { send, status, hub, messages } = await sleeping(cborCodec)
    expect(await send(Buffer.from('Online\0'), 'status')).toMatchObject({ status: 'stored' })
    expect(await status()).toBe('online')
    expect(await messages()).toMatchObject([
      { payloadJson: null, payloadRaw: new Uint8Array(Buffer.from('Online\0')) },
    ])
    const seen: unknown[] = []
    const consumer = hub.consume('log', { from: 'beginning' }, ({ messages }) => {
      for (const { payload } of messages) seen.push(payload)
    })
    await expect.poll(() => seen).toEqual(['online'])
    await consumer.close()
  })

  test('with padding of firmware around data, state and replies too', async () => {
    const { send, messages } = await sleeping()
    expect(await send('\ufeff{"level":1}\0\0', 'data')).toMatchObject({ status: 'stored' })
    expect((await messages())[0]).toMatchObject({ payloadJson: '{"level":1}' })
    expect(await send('{"reported":{}}\0', 'state')).toMatchObject({ status: 'stored' })
    expect(await send('{"id":"x","status":"SUCCEEDED"}\0', 'response')).toMatchObject({
      code: 'unknown_command',
    })
  })
})

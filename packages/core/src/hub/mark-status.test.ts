import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { silentLogger } from '../ports/logger.js'
import { createDeviceHub } from './create-device-hub.js'

const T0 = Date.UTC(2026, 0, 5)
const clock = { time: T0, now: () => clock.time }
const told: string[] = []
const Lamp = defineDeviceType('lamp', {
  readings: { level: reading.float() },
  hooks: {
    onStatusChange: ({ oldStatus, newStatus }) => void told.push(`hook ${oldStatus} ${newStatus}`),
    onConnect: () => void told.push('hook connect'),
    onDisconnect: ({ reason }) => void told.push(`hook disconnect: ${reason}`),
  },
})

let hub: ReturnType<typeof makeHub>
const makeHub = () =>
  createDeviceHub({
    types: [Lamp],
    clock,
    topicPrefix: 'acme',
    logger: silentLogger,
    signals: { emit: (name) => void told.push(name), hasSubscribers: () => true },
  })

beforeEach(async () => {
  clock.time = T0
  told.length = 0
  hub = makeHub()
  await hub.devices.create(Lamp, { deviceId: 'L1' })
  clock.time += 1_000
})
afterEach(() => hub.close())

const rows = async () => (await hub.messages.list(Lamp)).items

describe('markOnline', () => {
  test('is told as a status of the device, with an audit row', async () => {
    const device = await hub.devices.markOnline(Lamp, 'L1', { reason: 'the gateway hears it' })
    expect(device).toMatchObject({ status: 'online', lastSeen: new Date(T0 + 1_000) })
    expect(await hub.devices.get(Lamp, 'L1')).toEqual(device)
    expect(told.sort()).toEqual([
      'deviceConnected',
      'deviceStatusChanged',
      'hook connect',
      'hook offline online',
    ])
    expect(await rows()).toMatchObject([
      {
        deviceId: 'L1',
        topic: 'acme/lamp/L1/status',
        channel: 'status',
        direction: 'hub',
        source: 'devices',
        status: 'processed',
        payloadJson: JSON.stringify({ status: 'online', reason: 'the gateway hears it' }),
      },
    ])
  })

  test('twice tells once, and moves last_seen each time', async () => {
    await hub.devices.markOnline(Lamp, 'L1')
    told.length = 0
    clock.time += 5_000
    expect((await hub.devices.markOnline(Lamp, 'L1')).lastSeen).toEqual(new Date(T0 + 6_000))
    expect(told).toEqual([])
    expect(await rows()).toHaveLength(1)
  })

  test('ends a maintenance', async () => {
    await hub.devices.update(Lamp, 'L1', { status: 'maintenance' })
    expect((await hub.devices.markOnline(Lamp, 'L1')).status).toBe('online')
    expect(told).toContain('hook maintenance online')
  })
})

describe('markOffline', () => {
  test('is told with its reason, and is no sign of life', async () => {
    await hub.devices.markOnline(Lamp, 'L1')
    told.length = 0
    clock.time += 5_000
    const device = await hub.devices.markOffline(Lamp, 'L1')
    expect(device).toMatchObject({ status: 'offline', lastSeen: new Date(T0 + 1_000) })
    expect(told.sort()).toEqual([
      'deviceDisconnected',
      'deviceStatusChanged',
      'hook disconnect: marked offline by the application',
      'hook online offline',
    ])
    expect(await rows()).toHaveLength(2)
  })

  test('does nothing to a device that is offline', async () => {
    expect(await hub.devices.markOffline(Lamp, 'L1')).toMatchObject({ status: 'offline', lastSeen: null })
    expect(told).toEqual([])
    expect(await rows()).toEqual([])
  })

  test('a message behind it brings the device back, one before it does not', async () => {
    await hub.devices.markOnline(Lamp, 'L1')
    clock.time += 5_000
    await hub.devices.markOffline(Lamp, 'L1')
    clock.time += 1_000
    const payload = new TextEncoder().encode('{"level":1}')
    await hub.ingest([
      { topic: 'acme/lamp/L1/data', payload, source: 'test', receivedAt: new Date(T0 + 5_500) },
    ])
    expect((await hub.devices.get(Lamp, 'L1'))?.status).toBe('offline')
    await hub.ingest([{ topic: 'acme/lamp/L1/data', payload, source: 'test' }])
    expect((await hub.devices.get(Lamp, 'L1'))?.status).toBe('online')
  })
})

test('both refuse an unknown device, an unknown type and an unknown option', async () => {
  for (const mark of [hub.devices.markOnline, hub.devices.markOffline]) {
    await expect(mark(Lamp, 'L9')).rejects.toMatchObject({ code: 'device_not_found' })
    await expect(mark(defineDeviceType('other'), 'L1')).rejects.toMatchObject({ code: 'unknown_type' })
    await expect(mark(Lamp, 'L1', { why: 'x' } as object)).rejects.toMatchObject({ code: 'invalid_options' })
  }
})

test('the status online set by hand starts the heartbeat; others are no sign of life', async () => {
  expect((await hub.devices.update(Lamp, 'L1', { status: 'maintenance' })).lastSeen).toBeNull()
  expect((await hub.devices.update(Lamp, 'L1', { status: 'online' })).lastSeen).toEqual(new Date(T0 + 1_000))
})

import { describe, expect, test } from 'vitest'
import { isHeartbeatOverdue } from '../definition.js'
import {
  createDeviceHub,
  type DeviceStatus,
  defineDeviceType,
  memoryStorage,
  reading,
  type Storage,
  type StorageAdapter,
  silentLogger,
} from '../index.js'
import type { CommitBatch } from '../storage.js'
import {
  clock,
  closeLater,
  heard,
  hubOn,
  hubRows,
  monitorOf,
  pass,
  Station,
  send,
  statusOf,
  T0,
  Tank,
  waitUntil,
} from './testing/presence-world.js'

describe('a device that falls silent', () => {
  test('goes offline after 2.5 intervals, told once by signals, hooks and a row of the log', async () => {
    const { hub, announced } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await send(hub, 'a', { level: 1 })
    announced.length = 0
    heard.length = 0
    expect(await pass(25, monitor)).toBe(0)
    expect(await statusOf(hub, 'a')).toBe('online')
    expect(await pass(5, monitor)).toBe(1)
    expect(await statusOf(hub, 'a')).toBe('offline')
    expect(await pass(60, monitor)).toBe(0)

    const reason = 'no sign of life for 30 s'
    expect(announced.map(({ name }) => name)).toEqual(['deviceStatusChanged', 'deviceDisconnected'])
    expect(announced[0]?.event).toMatchObject({
      type: Station,
      device: { deviceId: 'a', status: 'offline', lastSeen: new Date(T0) },
      oldStatus: 'online',
      newStatus: 'offline',
    })
    expect(announced[1]?.event).toMatchObject({ reason })
    await waitUntil('the hooks', () => heard.length === 2)
    expect(heard.sort()).toEqual(['hook a gone: no sign of life for 30 s', 'hook a online offline'])
    const rows = await hubRows(hub, 'a')
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      channel: 'status',
      topic: 'things/station/a/status',
      source: 'presence',
      status: 'processed',
      receivedAt: new Date(T0 + 30_000),
    })
    expect(JSON.parse(rows[0]?.payloadJson ?? '')).toEqual({
      status: 'offline',
      from: 'online',
      reason,
      last_seen: '2026-01-05T00:00:00.000Z',
    })
    expect(monitor.stats()).toMatchObject({ state: 'watching', marked: 1, failures: 0 })
  })

  test('a durable consumer gets the row', async () => {
    const { hub } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    const seen: unknown[] = []
    hub.consume('gone', { types: [Station], channels: ['status'], from: 'beginning' }, ({ messages }) => {
      for (const { deviceId, payload } of messages)
        seen.push([deviceId, (payload as { status: string }).status])
    })
    await send(hub, 'a', { level: 1 })
    await pass(30, monitor)
    await waitUntil('the row', () => seen.length > 0)
    expect(seen).toEqual([['a', 'offline']])
  })

  test('one that sends in time stays online, each type by its own interval', async () => {
    const { hub } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await send(hub, 't', { level: 1 }, 'data', 'tank')
    for (let round = 0; round < 6; round++) {
      await send(hub, 'a', { level: round })
      expect(await pass(20, monitor)).toBe(0)
    }
    await pass(130, monitor)
    expect(await statusOf(hub, 'a')).toBe('offline')
    expect((await hub.devices.get(Tank, 't'))?.status).toBe('online')
    expect(await pass(5, monitor)).toBe(1)
    expect((await hub.devices.get(Tank, 't'))?.status).toBe('offline')
  })

  test.each<[DeviceStatus, DeviceStatus]>([
    ['online', 'offline'],
    ['error', 'offline'],
    ['low_battery', 'offline'],
    ['maintenance', 'maintenance'],
    ['provisioning', 'provisioning'],
  ])('with the status %s it ends as %s', async (reported, expected) => {
    const { hub } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await send(hub, 'a', { status: reported }, 'status')
    await pass(60, monitor)
    expect(await statusOf(hub, 'a')).toBe(expected)
  })

  test('one that is deactivated, never sent or is offline already is left alone', async () => {
    const { hub, announced } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await hub.devices.create(Station, { deviceId: 'new', status: 'online' })
    await send(hub, 'off', { status: 'offline' }, 'status')
    await send(hub, 'idle', { level: 1 })
    await hub.devices.deactivate(Station, 'idle')
    announced.length = 0
    expect(await pass(60, monitor)).toBe(0)
    expect(announced).toEqual([])
    expect(await statusOf(hub, 'new')).toBe('online')
    expect(await statusOf(hub, 'idle')).toBe('online')
  })

  test('one that was set online by hand is given its time from then', async () => {
    const { hub } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await send(hub, 'a', { level: 1 })
    await pass(60, monitor)
    await hub.devices.update(Station, 'a', { status: 'online' })
    expect(await pass(25, monitor)).toBe(0)
    expect(await pass(5, monitor)).toBe(1)
  })

  test('more of them than fit into a page', async () => {
    const { hub, announced } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await Promise.all(Array.from({ length: 1_201 }, (_, n) => send(hub, `s${n}`, { level: n })))
    announced.length = 0
    expect(await pass(30, monitor)).toBe(1_201)
    expect(new Set(announced.map(({ deviceId }) => deviceId)).size).toBe(1_201)
    expect(announced).toHaveLength(2_402)
  })
})

describe('a device that sends again', () => {
  async function marked() {
    const made = hubOn()
    const monitor = monitorOf(made.hub)
    await monitor.sweep()
    await send(made.hub, 'a', { level: 1 })
    await pass(40, monitor)
    expect(await statusOf(made.hub, 'a')).toBe('offline')
    return { ...made, monitor }
  }

  test.each([
    ['data', { level: 2 }],
    ['status', { status: 'online' }],
  ])('comes back with %s, and can fall silent again', async (channel, payload) => {
    const { hub, announced, monitor } = await marked()
    announced.length = 0
    await send(hub, 'a', payload, channel)
    expect(await statusOf(hub, 'a')).toBe('online')
    await pass(60, monitor)
    expect(await statusOf(hub, 'a')).toBe('offline')
    expect(announced.filter(({ name }) => name !== 'deviceDataReceived').map(({ name }) => name)).toEqual([
      'deviceStatusChanged',
      'deviceConnected',
      'deviceStatusChanged',
      'deviceDisconnected',
    ])
    expect(await hubRows(hub, 'a')).toHaveLength(2)
  })

  test('what comes in brings it back, whatever its clock says', async () => {
    const { hub } = await marked()
    await send(hub, 'a', { level: 2, timestamp: T0 - 900_000 })
    expect(await statusOf(hub, 'a')).toBe('online')
    const other = await marked()
    await send(other.hub, 'a', { status: 'online', timestamp: T0 - 900_000 }, 'status')
    expect(await statusOf(other.hub, 'a')).toBe('online')
  })

  test('what came in before it was overdue, and is replayed, does not bring it back', async () => {
    const { hub } = await marked()
    const old = { topic: 'things/station/a/data', payload: Buffer.from('{"level":2}'), source: 'test' }
    await hub.ingest([{ ...old, receivedAt: new Date(T0 + 24_000) }])
    expect(await statusOf(hub, 'a')).toBe('offline')
    await hub.ingest([{ ...old, receivedAt: new Date(T0 + 26_000) }])
    expect(await statusOf(hub, 'a')).toBe('online')
  })
})

describe('a message between the look and the write', () => {
  /** Stops the monitor's commits until they are let go. */
  function held() {
    const memory = memoryStorage()
    let arrive = () => {}
    let release = () => {}
    const arrived = new Promise<void>((resolve) => (arrive = resolve))
    const released = new Promise<void>((resolve) => (release = resolve))
    const storage: StorageAdapter = {
      name: 'held',
      open(context) {
        const inner = memory.open(context)
        return {
          ...inner,
          async commit(batch: CommitBatch) {
            if (batch.changes.some(({ audit }) => audit)) {
              arrive()
              await released
            }
            return inner.commit(batch)
          },
        }
      },
    }
    return { storage, arrived, release }
  }

  test('wins: the device stays online and nobody is told', async () => {
    const { storage, arrived, release } = held()
    const { hub, announced } = hubOn(storage)
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await send(hub, 'a', { level: 1 })
    await send(hub, 'b', { level: 1 })
    await send(hub, 'c', { level: 1 })
    announced.length = 0
    await pass(25, monitor)
    clock.time += 5_000
    const sweeping = monitor.sweep()
    await arrived
    await send(hub, 'a', { level: 2 })
    // A sign of life that says nothing of the status.
    await send(hub, 'c', { reported: {} }, 'state')
    release()
    expect(await sweeping).toBe(1)
    expect(await statusOf(hub, 'a')).toBe('online')
    expect(await statusOf(hub, 'b')).toBe('offline')
    expect(await statusOf(hub, 'c')).toBe('online')
    for (const id of ['a', 'c']) expect(await hubRows(hub, id)).toEqual([])
    expect(
      announced.filter(({ name }) => name !== 'deviceDataReceived').map(({ deviceId }) => deviceId),
    ).toEqual(['b', 'b'])
  })

  test('a message of a process that still takes the device for online wakes it', async () => {
    const memory = memoryStorage()
    const { hub } = hubOn(memory)
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await send(hub, 'a', { level: 1 })
    await pass(25, monitor)
    // Its look-up is answered from before the mark, its commit comes behind it.
    const reading: StorageAdapter = {
      name: 'late',
      open(context) {
        const inner = memory.open(context)
        return {
          ...inner,
          devices: {
            ...inner.devices,
            async find(...args) {
              const found = await inner.devices.find(...args)
              clock.time += 5_000
              await monitor.sweep()
              return found
            },
          },
        } satisfies Storage
      },
    }
    const other = createDeviceHub({ types: [Station, Tank], storage: reading, clock, logger: silentLogger })
    closeLater(other)
    await send(other, 'a', { level: 2 })
    expect(await hubRows(hub, 'a')).toHaveLength(1)
    expect(await statusOf(hub, 'a')).toBe('online')
  })
})

describe('last_seen of a device with a short interval', () => {
  test('is written often enough to be judged by', async () => {
    const Quick = defineDeviceType('quick', {
      heartbeatInterval: 1,
      unknownDevice: 'register',
      readings: { level: reading.float() },
    })
    clock.time = T0
    const hub = createDeviceHub({ types: [Quick], clock, logger: silentLogger })
    closeLater(hub)
    for (let n = 0; n < 4; n++) {
      await send(hub, 'q', { level: n }, 'data', 'quick')
      clock.time += 1_000
    }
    expect((await hub.devices.get(Quick, 'q'))?.lastSeen).toEqual(new Date(T0 + 3_000))
  })
})

test('isHeartbeatOverdue: more than 2.5 intervals, or never seen', () => {
  const seen = (ago: number) => ({ lastSeen: new Date(T0 - ago) })
  expect(isHeartbeatOverdue(Station, seen(25_000), new Date(T0))).toBe(false)
  expect(isHeartbeatOverdue(Station, seen(25_001), new Date(T0))).toBe(true)
  expect(isHeartbeatOverdue(Station, seen(25_001), new Date(T0), 3)).toBe(false)
  expect(isHeartbeatOverdue({ options: {} }, seen(750_000), new Date(T0))).toBe(false)
  expect(isHeartbeatOverdue({ options: {} }, seen(750_001), new Date(T0))).toBe(true)
  expect(isHeartbeatOverdue(Station, { lastSeen: null }, new Date(T0))).toBe(true)
})

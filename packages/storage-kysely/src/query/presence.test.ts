import {
  createDeviceHub,
  createPresenceMonitor,
  type DeviceHub,
  defineDeviceType,
  reading,
  type SignalEvents,
  type SignalName,
  silentLogger,
} from '@devicehub/core'
import { waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { describeDatabases } from '../testing/describe-databases.js'

/** Overdue after 250 s. */
const Buoy = defineDeviceType('buoy', {
  heartbeatInterval: 100,
  unknownDevice: 'register',
  readings: { level: reading.integer() },
})
const LONG = 600_000
const COUNT = 1_200
const idOf = (n: number) => `b${n}`

describeDatabases('two presence monitors on one database', (openDatabase) => {
  async function hubs() {
    const { connect, cleanup } = await openDatabase()
    const clock = { time: Date.UTC(2026, 0, 5), now: () => clock.time }
    const open: DeviceHub[] = []
    const told = new Map<string, number>()
    const hub = () => {
      const signals = {
        emit<Name extends SignalName>(name: Name, event: SignalEvents[Name]) {
          const key = `${name} ${event.device.deviceId}`
          told.set(key, (told.get(key) ?? 0) + 1)
        },
        hasSubscribers: (name: SignalName) => name !== 'deviceDataReceived',
      }
      const storage = kyselyStorage({ db: connect(), closeDb: true })
      const made = createDeviceHub({ types: [Buoy], storage, signals, clock, logger: silentLogger })
      open.push(made)
      return made
    }
    const first = hub()
    await first.storage.migrate()
    return {
      clock,
      told,
      first,
      second: hub(),
      async [Symbol.asyncDispose]() {
        for (const each of open) await each.close()
        await cleanup()
      },
    }
  }

  const send = (hub: DeviceHub, numbers: readonly number[], level: number) =>
    hub.ingest(
      numbers.map((n) => ({
        topic: `things/buoy/${idOf(n)}/data`,
        payload: new TextEncoder().encode(JSON.stringify({ level })),
        source: 'test',
      })),
    )
  const all = Array.from({ length: COUNT }, (_, n) => n)

  test('a silent fleet goes offline, each device once, and comes back', { timeout: LONG }, async () => {
    await using world = await hubs()
    const { clock, told, first, second } = world
    await using one = createPresenceMonitor(first, { every: 100 })
    await using two = createPresenceMonitor(second, { every: 100 })
    await one.sweep()
    await send(first, all, 1)
    told.clear()
    const seen = new Set<string>()
    await using _consumer = second.consume(
      'gone',
      { types: [Buoy], channels: ['status'], from: 'beginning' },
      ({ messages }) => {
        for (const { deviceId, row } of messages) if (row.direction === 'hub') seen.add(deviceId ?? '')
      },
    )
    let marked = 0
    for (let step = 0; step < 4; step++) {
      clock.time += 70_000
      const counts = await Promise.all([one.sweep(), two.sweep(), one.sweep(), two.sweep()])
      marked += counts.reduce((sum, count) => sum + count, 0)
    }
    expect(marked).toBe(COUNT)
    expect(one.stats().marked + two.stats().marked).toBe(COUNT)
    expect(told.size).toBe(COUNT * 2)
    expect(new Set(told.values())).toEqual(new Set([1]))
    await waitUntil('the rows', () => seen.size === COUNT, { timeout: '10m' })
    expect((await first.devices.list(Buoy, { status: 'online' })).items).toEqual([])

    told.clear()
    await send(second, all.slice(0, 50), 2)
    expect((await first.devices.list(Buoy, { status: 'online', limit: 1_000 })).items).toHaveLength(50)
    expect([...told.values()]).toEqual(Array.from({ length: 100 }, () => 1))
  })

  test('devices that send while it sweeps are online in the end', { timeout: LONG }, async () => {
    await using world = await hubs()
    const { clock, first, second } = world
    await using one = createPresenceMonitor(first, { every: 100 })
    await one.sweep()
    await send(second, all, 1)
    for (let step = 0; step < 3; step++) {
      clock.time += 80_000
      await one.sweep()
    }
    // Each one is at its end: it is marked, or its message comes first, or both at once.
    clock.time += 20_000
    const sweeping = one.sweep()
    for (let at = 0; at < COUNT; at += 100) await send(second, all.slice(at, at + 100), 2)
    const marked = await sweeping
    const online = (await first.devices.list(Buoy, { status: 'online', limit: 1_000 })).items
    const page = await first.devices.list(Buoy, { status: 'offline', limit: 1_000 })
    expect(page.items.map(({ deviceId }) => deviceId)).toEqual([])
    expect(online).toHaveLength(1_000)
    expect(marked).toBe(one.stats().marked)
  })
})

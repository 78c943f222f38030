import {
  type AnyDeviceType,
  createDeviceHub,
  createPresenceMonitor,
  defineDeviceType,
  reading,
  type StorageAdapter,
  silentLogger,
  state,
} from '@devicehub/core'
import type { StateReport } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { batch, entry, newDevice, newId, Sensor, T0 } from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'

/** Overdue after 25 s. */
const Pump: AnyDeviceType = defineDeviceType('ContractPump', {
  heartbeatInterval: 10,
  unknownDevice: 'register',
  readings: { level: reading.integer() },
  state: { mode: state.string() },
})

const SECOND = 1_000
const MINUTE = 60 * SECOND

export function hubClockContract({ make, capabilities }: StorageContract): void {
  /** One or two hubs on one database, each with a clock of its own. */
  async function world(count: number) {
    const made = await make([Pump])
    const adapters: StorageAdapter[] = [made.adapter]
    if (count > 1 && made.connect) adapters.push(await made.connect())
    const members = adapters.map((storage) => {
      const clock = { time: T0, now: () => clock.time }
      return { clock, hub: createDeviceHub({ types: [Pump], storage, clock, logger: silentLogger }) }
    })
    await members[0]?.hub.storage.migrate()
    const deviceId = newId('pump')
    const hubs = members.map(({ clock, hub }) => ({
      clock,
      hub,
      send: (payload: object, channel = 'data', more: object = {}) =>
        hub.ingest([
          {
            topic: `things/${Pump.key}/${deviceId}/${channel}`,
            payload: new TextEncoder().encode(JSON.stringify(payload)),
            source: 'contract',
            qos: 1,
            ...more,
          },
        ]),
      device: () => hub.devices.get(Pump, deviceId),
      record: async () => (await hub.storage.devices.find(Pump, [deviceId]))[0],
      mode: async () => (await hub.twin(Pump).get(deviceId))?.reported.mode,
      level: async () => (await hub.readings.latest(Pump, deviceId))?.readings.level?.value,
    }))
    type Member = (typeof hubs)[number]
    return {
      deviceId,
      one: hubs[0] as Member,
      two: (hubs[1] ?? hubs[0]) as Member,
      async [Symbol.asyncDispose]() {
        for (const { hub } of hubs.reverse()) await hub.close()
        await made.cleanup()
      },
    }
  }

  describe('a clock of the hub that is set back', () => {
    test.each([
      ['30 s', 30 * SECOND],
      ['an hour', 60 * MINUTE],
    ])('by %s: status, twin and last values go on', async (_, step) => {
      await using opened = await world(1)
      const { clock, send, device, record, mode, level } = opened.one
      await send({ status: 'online', battery_level: 50 }, 'status')
      await send({ reported: { mode: 'a' } }, 'state')
      await send({ level: 1 })
      clock.time += MINUTE
      await send({ status: 'offline' }, 'status')
      await send({ reported: { mode: 'b' } }, 'state')
      await send({ level: 2 })
      clock.time -= step
      await send({ level: 3 })
      expect(await device()).toMatchObject({ status: 'online' })
      await send({ status: 'error', battery_level: 40 }, 'status')
      await send({ reported: { mode: 'c' } }, 'state')
      expect(await device()).toMatchObject({ status: 'error', batteryLevel: 40 })
      expect(await record()).toMatchObject({ statusAt: clock.time, lastSeen: clock.time })
      expect(await mode()).toBe('c')
      expect(await level()).toBe(3)
      clock.time += SECOND
      await send({ level: 4 })
      expect(await level()).toBe(4)
    })

    test('a device with the right time: its dated reports and values go on', async () => {
      await using opened = await world(1)
      const { clock, send, device, mode, level } = opened.one
      const step = 30 * SECOND
      clock.time += step
      await send({ status: 'online', timestamp: clock.time }, 'status')
      await send({ reported: { mode: 'a' }, timestamp: clock.time }, 'state')
      await send({ level: 1, timestamp: clock.time })
      clock.time -= step - SECOND
      const timestamp = clock.time + step
      await send({ status: 'error', timestamp }, 'status')
      await send({ reported: { mode: 'b' }, timestamp }, 'state')
      await send({ level: 2, timestamp })
      expect(await device()).toMatchObject({ status: 'error' })
      expect(await mode()).toBe('b')
      expect(await level()).toBe(2)
      // What it kept stays old.
      await send({ status: 'maintenance', timestamp: timestamp - 2 * SECOND }, 'status')
      await send({ reported: { mode: 'old' }, timestamp: timestamp - 2 * SECOND }, 'state')
      expect(await device()).toMatchObject({ status: 'error' })
      expect(await mode()).toBe('b')
    })

    test('what came in before the step, and what a broker kept, changes nothing newer', async () => {
      await using opened = await world(1)
      const { clock, send, device, mode } = opened.one
      clock.time += MINUTE
      await send({ status: 'error' }, 'status')
      await send({ reported: { mode: 'a' } }, 'state')
      clock.time -= 30 * SECOND
      const before = { receivedAt: new Date(clock.time - SECOND) }
      await send({ status: 'maintenance' }, 'status', before)
      await send({ reported: { mode: 'b' } }, 'state', before)
      await send({ status: 'maintenance' }, 'status', { retained: true })
      await send({ reported: { mode: 'b' } }, 'state', { retained: true })
      expect(await device()).toMatchObject({ status: 'error' })
      expect(await mode()).toBe('a')
    })

    test('what a broker tells of a connection, and what the application decides, counts', async () => {
      await using opened = await world(1)
      const { clock, hub, send, device } = opened.one
      const { deviceId } = opened
      clock.time += MINUTE
      await send({ status: 'online' }, 'status')
      clock.time -= 30 * SECOND
      const session = { type: Pump, deviceId, source: 'contract' } as const
      expect(await hub.sessions.report({ ...session, event: 'disconnected' })).toBe('changed')
      expect(await device()).toMatchObject({ status: 'offline' })
      // Of a broker in this process, whose times are those of the same clock.
      const report = (event: 'connected' | 'disconnected', connectedAt: number) =>
        hub.sessions.report({ ...session, event, connectedAt: new Date(connectedAt) })
      clock.time += MINUTE
      expect(await report('connected', clock.time)).toBe('changed')
      clock.time -= 30 * SECOND
      await report('connected', clock.time)
      clock.time += SECOND
      expect(await report('disconnected', clock.time - SECOND)).toBe('changed')
      expect(await device()).toMatchObject({ status: 'offline' })
      clock.time += MINUTE
      await send({ status: 'online' }, 'status')
      clock.time -= 30 * SECOND
      await hub.devices.markOffline(Pump, deviceId)
      expect(await device()).toMatchObject({ status: 'offline' })
      await hub.devices.markOnline(Pump, deviceId)
      expect(await device()).toMatchObject({ status: 'online' })
    })

    test('a device that falls silent is found after its limit', async () => {
      await using opened = await world(1)
      const { clock, hub, send, record, device } = opened.one
      clock.time += 60 * MINUTE
      await send({ status: 'online' }, 'status')
      await send({ level: 1 })
      clock.time -= 60 * MINUTE
      await using monitor = createPresenceMonitor(hub, { every: 10 })
      await monitor.sweep()
      expect(await record()).toMatchObject({ lastSeen: clock.time, statusAt: clock.time })
      expect(monitor.stats()).toMatchObject({ setBack: 1 })
      for (let passed = 0; passed < 30; passed += 10) {
        clock.time += 10 * SECOND
        await monitor.sweep()
      }
      expect(await device()).toMatchObject({ status: 'offline' })
    })

    test('a device that goes on sending stays online', async () => {
      await using opened = await world(1)
      const { clock, hub, send, device } = opened.one
      clock.time += 60 * MINUTE
      await send({ level: 1 })
      clock.time -= 60 * MINUTE
      await using monitor = createPresenceMonitor(hub, { every: 10 })
      await monitor.sweep()
      for (let passed = 0; passed < 60; passed += 10) {
        clock.time += 10 * SECOND
        await send({ level: passed })
        expect(await monitor.sweep()).toBe(0)
      }
      expect(await device()).toMatchObject({ status: 'online' })
    })

    test.skipIf(!capabilities.secondStorage)('two hubs 500 ms apart: the later message counts', async () => {
      await using opened = await world(2)
      const { one, two } = opened
      one.clock.time += 500
      await one.send({ status: 'online' }, 'status')
      await one.send({ reported: { mode: 'a' } }, 'state')
      for (const { clock } of [one, two]) clock.time += 100
      await two.send({ reported: { mode: 'b' } }, 'state')
      expect(await two.mode()).toBe('b')
      await two.send({ status: 'offline' }, 'status')
      expect(await two.device()).toMatchObject({ status: 'offline' })
      for (const { clock } of [one, two]) clock.time += 100
      await two.send({ level: 1 })
      expect(await two.device()).toMatchObject({ status: 'online' })
    })
  })
  describe('a report that came in just now', () => {
    const shared = sharedStorage({ make, capabilities })

    test('counts, whatever time the last one has', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const report = async (values: StateReport['values'], more: Partial<StateReport> = {}) => {
        const made = {
          ...entry(Sensor, deviceId, [], { channel: 'state' }),
          report: { values, version: null, at: T0, ...more },
        }
        return (await storage.commit(batch([made]))).reports?.get(0)
      }
      await report({ interval: 1, note: 'a' }, { at: T0 + 30_000 })
      expect(await report({ interval: 2 }, { isLive: true })).toMatchObject({
        applied: ['interval'],
        record: { reportedAt: { interval: { at: T0 }, note: { at: T0 + 30_000 } } },
      })
      expect(await report({ note: 'b' })).toMatchObject({ applied: [] })
      const said = (claimedAt: number) => report({ note: 'c' }, { isLive: true, claimedAt })
      expect(await said(T0 + 60_000)).toMatchObject({ applied: ['note'] })
      // It is fast, and says what it had kept.
      expect(await said(T0 + 59_999)).toMatchObject({ applied: [] })
      // It was set right.
      expect(await said(T0)).toMatchObject({ applied: ['note'] })
    })
  })
}

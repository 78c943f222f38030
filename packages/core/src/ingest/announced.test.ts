import { describe, expect, test } from 'vitest'
import {
  createDeviceHub,
  type Device,
  defineDeviceType,
  memoryStorage,
  reading,
  type SignalEvents,
  type SignalName,
  silentLogger,
  state,
} from '../index.js'

const T0 = Date.UTC(2026, 0, 5)

interface Told {
  readonly name: string
  readonly device: Device
  readonly message?: SignalEvents['deviceDataReceived']['message']
}

async function world(storage = memoryStorage(), subscribed = true) {
  const told: Told[] = []
  const Pump = defineDeviceType('pump', {
    readings: { flow: reading.float() },
    state: { mode: state.enum(['slow', 'fast'], { default: 'slow' }), limit: state.integer() },
    ...(subscribed && {
      hooks: {
        onData: ({ device, message }) => void told.push({ name: 'onData', device, message }),
        onStatusChange: ({ device }) => void told.push({ name: 'onStatusChange', device }),
        onConnect: ({ device }) => void told.push({ name: 'onConnect', device }),
        onDisconnect: ({ device }) => void told.push({ name: 'onDisconnect', device }),
      },
    }),
  })
  const clock = { time: T0, now: () => clock.time }
  const asked: (boolean | undefined)[] = []
  const watched: typeof storage = {
    ...storage,
    open(context) {
      const opened = storage.open(context)
      return {
        ...opened,
        commit(batch) {
          asked.push(batch.wantsIds)
          return opened.commit(batch)
        },
      }
    },
  }
  const hub = createDeviceHub({
    types: [Pump],
    storage: watched,
    clock,
    logger: silentLogger,
    deviceCache: { refreshAfter: 60 },
    signals: {
      hasSubscribers: () => subscribed,
      emit<Name extends SignalName>(name: Name, event: SignalEvents[Name]) {
        if (subscribed) told.push({ name, ...(event as unknown as Omit<Told, 'name'>) })
      },
    },
  })
  const send = (...messages: readonly (readonly [channel: string, value: unknown])[]) =>
    hub.ingest(
      messages.map(([channel, value]) => ({
        topic: `things/pump/p/${channel}`,
        payload: Buffer.from(JSON.stringify(value)),
        source: 'test',
        qos: 1,
        userProperties: { site: 'north' },
      })),
    )
  const of = (name: string) => told.filter((one) => one.name === name)
  const row = async () => (await hub.devices.get(Pump, 'p')) as Device
  return { Pump, hub, clock, told, of, send, row, asked }
}

describe('signals and hooks get the device as committed', () => {
  test('with its battery, firmware, status and last sign of life', async () => {
    const { Pump, hub, clock, told, of, send, row } = await world()
    await hub.devices.create(Pump, { deviceId: 'p' })
    await send(['data', { flow: 1 }])
    clock.time += 10_000
    await send(['status', { status: 'online', battery_level: 40, firmware_version: '2.0' }])
    clock.time += 10_000
    await send(['data', { flow: 2 }])
    expect(of('deviceDataReceived').at(-1)?.device).toEqual(await row())
    expect(await row()).toMatchObject({
      batteryLevel: 40,
      firmwareVersion: '2.0',
      lastSeen: new Date(clock.time),
    })
    expect(of('onData').at(-1)?.device).toEqual(await row())

    clock.time += 10_000
    await send(['status', { status: 'offline', battery_level: 3 }])
    for (const name of ['deviceStatusChanged', 'deviceDisconnected', 'onStatusChange', 'onDisconnect'])
      expect(of(name).at(-1)?.device).toEqual(await row())
    expect(await row()).toMatchObject({ status: 'offline', batteryLevel: 3 })

    clock.time += 10_000
    await send(['data', { flow: 3 }])
    for (const name of ['deviceDataReceived', 'deviceConnected', 'onConnect'])
      expect(of(name).at(-1)?.device).toEqual(await row())
    expect(told.length).toBeGreaterThan(10)
    await hub.close()
  })

  test('of one batch: as its row is behind it', async () => {
    const { Pump, hub, of, send, row } = await world()
    await hub.devices.create(Pump, { deviceId: 'p' })
    await send(['data', { flow: 1 }], ['status', { battery_level: 7 }], ['data', { flow: 2 }])
    for (const { device } of of('deviceDataReceived')) expect(device).toEqual(await row())
    expect(await row()).toMatchObject({ status: 'online', batteryLevel: 7 })
    await hub.close()
  })

  test('with what another process wrote meanwhile', async () => {
    const storage = memoryStorage()
    const here = await world(storage)
    const there = await world(storage)
    await here.hub.devices.create(here.Pump, { deviceId: 'p' })
    await here.send(['data', { flow: 1 }])
    here.clock.time += 1_000
    there.clock.time = here.clock.time
    await there.send(['status', { status: 'error', battery_level: 9, timestamp: T0 + 1_000 }])
    here.clock.time += 1_000
    await here.send(['status', { firmware_version: '3.1' }])
    await here.send(['data', { flow: 2 }])
    expect(here.of('deviceDataReceived').at(-1)?.device).toMatchObject({
      status: 'error',
      batteryLevel: 9,
      firmwareVersion: '3.1',
    })
    // Older news than the row's change nothing, and are not shown.
    here.clock.time += 1_000
    await here.send(['status', { battery_level: 80, timestamp: T0 - 60_000 }])
    await here.send(['data', { flow: 3 }])
    expect(here.of('deviceDataReceived').at(-1)?.device.batteryLevel).toBe(9)
    await here.hub.close()
    await there.hub.close()
  })

  test('with the state that it reported, from then on', async () => {
    const { Pump, hub, of, send, row } = await world()
    await hub.devices.create(Pump, { deviceId: 'p' })
    await send(['state', { reported: { mode: 'fast' } }])
    expect(of('deviceStateReported')[0]?.device).toEqual(await row())
    await send(['data', { flow: 1 }])
    expect(of('deviceDataReceived')[0]?.device).toEqual(await row())
    expect(await row()).toMatchObject({ state: { mode: 'fast', limit: null } })
    await hub.close()
  })
})

describe('the message of an event', () => {
  test('is its audit row, with the id', async () => {
    const { Pump, hub, of, send } = await world()
    await hub.devices.create(Pump, { deviceId: 'p' })
    await send(
      ['data', { flow: 1 }],
      ['state', { reported: { mode: 'fast' } }],
      ['data', [{ flow: 2 }, { flow: 3 }]],
    )
    const messages = ['deviceDataReceived', 'onData', 'deviceStateReported'].flatMap((name) =>
      of(name).map(({ message }) => message),
    )
    expect(messages).toHaveLength(7)
    for (const message of messages) {
      expect(message?.id).toEqual(expect.any(String))
      const ref = { id: message?.id as string, typeKey: message?.typeKey ?? null }
      expect(message).toEqual(await hub.messages.get(ref))
    }
    expect(Object.keys(messages[0] ?? {})).not.toContain('fence')
    await hub.close()
  })

  test('ids are not asked for when nobody is told', async () => {
    const { Pump, hub, send, asked } = await world(memoryStorage(), false)
    await hub.devices.create(Pump, { deviceId: 'p' })
    await send(['data', { flow: 1 }])
    expect(asked).toEqual([undefined])
    await hub.close()
  })
})

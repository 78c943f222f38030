import { afterEach, describe, expect, it } from 'vitest'
import {
  command,
  createDeviceHub,
  type DeviceHub,
  DeviceHubError,
  type DeviceStatus,
  defineDeviceType,
  memoryStorage,
  reading,
  type SessionEvent,
  type SignalEvents,
  type SignalName,
  type Storage,
  type StorageAdapter,
  silentLogger,
} from '../index.js'

const heard: string[] = []
const Lamp = defineDeviceType('lamp', {
  unknownDevice: 'register',
  readings: { lux: reading.float() },
  hooks: {
    onConnect: ({ device }) => void heard.push(`connected ${device.deviceId}`),
    onDisconnect: ({ device, reason }) => void heard.push(`gone ${device.deviceId}: ${reason}`),
  },
})
const T0 = Date.UTC(2026, 2, 1)
const clock = { time: T0, now: () => clock.time }
const open: DeviceHub[] = []

afterEach(async () => {
  heard.length = 0
  clock.time = T0
  for (const hub of open.splice(0)) await hub.close()
})

async function lamp(status: DeviceStatus = 'offline', storage: StorageAdapter = memoryStorage()) {
  const announced: string[] = []
  const statuses: string[] = []
  const signals = {
    emit<Name extends SignalName>(name: Name, event: SignalEvents[Name]) {
      if (name === 'deviceDataReceived') statuses.push(event.device.status)
      announced.push(`${name} ${event.device.deviceId}`)
    },
    hasSubscribers: () => true,
  }
  const hub = createDeviceHub({ types: [Lamp], storage, signals, clock, logger: silentLogger })
  open.push(hub)
  await hub.devices.create(Lamp, { deviceId: 'L1', status })
  /** Seconds after T0. */
  const report = (event: 'connected' | 'disconnected', at: number, connectedAt?: number, more = {}) =>
    hub.sessions.report({
      type: Lamp,
      deviceId: 'L1',
      event,
      at: new Date(T0 + at * 1000),
      connectedAt: connectedAt === undefined ? undefined : new Date(T0 + connectedAt * 1000),
      source: 'broker:test',
      ...more,
    } as SessionEvent)
  const status_ = async () => (await hub.devices.get(Lamp, 'L1'))?.status
  const rows = async () => (await hub.messages.list(Lamp, { deviceId: 'L1' })).items
  clock.time = T0 + 100_000
  return { hub, announced, statuses, report, status: status_, rows }
}

/** Fails by the test's own limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

const send = (hub: DeviceHub, channel: string, payload: object) =>
  hub.ingest([
    { topic: `things/lamp/L1/${channel}`, payload: Buffer.from(JSON.stringify(payload)), source: 'test' },
  ])

/** The database lets a commit through when it is told to. */
function held(inner = memoryStorage()) {
  const waiting: (() => void)[] = []
  let isHeld = false
  const adapter: StorageAdapter = {
    name: 'held',
    open(context): Storage {
      const storage = inner.open(context)
      return {
        ...storage,
        async commit(batch) {
          if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve))
          return storage.commit(batch)
        },
      }
    },
  }
  return {
    adapter,
    waiting,
    hold() {
      isHeld = true
    },
    release() {
      isHeld = false
      for (const go of waiting.splice(0)) go()
    },
  }
}

describe('a session that begins and ends', () => {
  it('brings the device online and offline, each with one row, signals and hooks', async () => {
    const { announced, report, status, rows } = await lamp()
    expect(await report('connected', 10, 10)).toBe('changed')
    expect(await status()).toBe('online')
    expect(await report('disconnected', 20, 10, { reason: 'keepalive_timeout' })).toBe('changed')
    expect(await status()).toBe('offline')
    const [ended, begun] = await rows()
    expect(begun).toMatchObject({
      direction: 'hub',
      channel: 'status',
      topic: 'things/lamp/L1/status',
      source: 'broker:test',
      status: 'processed',
    })
    expect(JSON.parse(begun?.payloadJson ?? '')).toEqual({
      status: 'online',
      timestamp: '2026-03-01T00:00:10.000Z',
      connected_at: '2026-03-01T00:00:10.000Z',
    })
    expect(JSON.parse(ended?.payloadJson ?? '')).toMatchObject({
      status: 'offline',
      reason: 'keepalive_timeout',
    })
    expect(announced).toEqual([
      'deviceStatusChanged L1',
      'deviceConnected L1',
      'deviceStatusChanged L1',
      'deviceDisconnected L1',
    ])
    expect(heard).toEqual(['connected L1', 'gone L1: keepalive_timeout'])
  })

  it('is told once, however often the broker tells of it', async () => {
    const { announced, report, rows } = await lamp()
    const told = await Promise.all(Array.from({ length: 20 }, () => report('connected', 10, 10)))
    expect(told.filter((one) => one === 'changed')).toHaveLength(1)
    expect(await report('connected', 10, 10)).toBe('unchanged')
    expect(await rows()).toHaveLength(1)
    expect(announced).toEqual(['deviceStatusChanged L1', 'deviceConnected L1'])
    expect(await report('disconnected', 11, 10)).toBe('changed')
    expect(await report('disconnected', 11, 10)).toBe('unchanged')
    expect(await rows()).toHaveLength(2)
    expect(announced).toHaveLength(4)
  })

  it('moves last_seen and session_at when it begins, and leaves last_seen alone when it ends', async () => {
    const { hub, report } = await lamp('maintenance')
    expect(await report('connected', 10, 9)).toBe('unchanged')
    const record = async () => (await hub.storage.devices.find(Lamp, ['L1']))[0]
    expect(await record()).toMatchObject({ lastSeen: T0 + 10_000, sessionAt: T0 + 9_000 })
    await report('disconnected', 50, 9)
    expect(await record()).toMatchObject({ lastSeen: T0 + 10_000, status: 'offline' })
  })

  it.each([
    ['offline', 'online', 'offline'],
    ['provisioning', 'online', 'provisioning'],
    ['online', 'online', 'offline'],
    ['error', 'error', 'offline'],
    ['low_battery', 'low_battery', 'offline'],
    ['maintenance', 'maintenance', 'offline'],
  ] as const)('of a device that is %s: %s while it lasts; ended alone: %s', async (before, during, after) => {
    const one = await lamp(before)
    await one.report('connected', 10)
    expect(await one.status()).toBe(during)
    const other = await lamp(before)
    await other.report('disconnected', 10)
    expect(await other.status()).toBe(after)
  })
})

describe('out of order', () => {
  it('the end of an earlier session leaves the present one alone', async () => {
    const { report, status, rows } = await lamp()
    await report('connected', 10, 10)
    await report('connected', 20, 20)
    expect(await report('disconnected', 21, 10)).toBe('unchanged')
    expect(await status()).toBe('online')
    expect(await rows()).toHaveLength(1)
    expect(await report('disconnected', 22, 20)).toBe('changed')
  })

  it('without sessions, what is older by its time changes nothing', async () => {
    const { report, status } = await lamp()
    await report('disconnected', 30)
    await report('connected', 40)
    expect(await report('disconnected', 35)).toBe('unchanged')
    expect(await status()).toBe('online')
  })

  it('what claims to be of the future counts as of now: it does not keep out what follows', async () => {
    const { hub, report, status } = await lamp()
    expect(await report('connected', 1e9, 1e9)).toBe('changed')
    clock.time += 1000
    await send(hub, 'status', { status: 'offline' })
    expect(await status()).toBe('offline')
    expect(await report('connected', 101, 101)).toBe('changed')
    expect(await report('disconnected', 101, 101)).toBe('changed')
    expect(await report('connected', 101, 101)).toBe('changed')
  })

  it('refuses a time that is none, and an event that there is not', async () => {
    const { report } = await lamp()
    for (const [event, at] of [
      ['disconnected', Number.NaN],
      ['disconnected', Number.NEGATIVE_INFINITY],
      ['gone', 1],
    ] as const)
      await expect(report(event as 'disconnected', at)).rejects.toMatchObject({ code: 'invalid_options' })
  })

  it("a broker's clock that is a little ahead does not end the wrong session", async () => {
    const { report, status } = await lamp()
    await report('connected', 110, 110)
    await report('connected', 112, 112)
    clock.time = T0 + 130_000
    expect(await report('disconnected', 130, 110)).toBe('unchanged')
    expect(await status()).toBe('online')
  })
})

describe('beside messages of the device', () => {
  it('takes its turn in their order: data behind an end brings the device back, in the same batch', async () => {
    const store = held()
    const { hub, report, status, announced } = await lamp('offline', store.adapter)
    await report('connected', 10, 10)
    store.hold()
    const first = send(hub, 'data', { lux: 1 })
    await until(() => store.waiting.length > 0)
    // These wait for that commit, and make one batch.
    const ended = report('disconnected', 90, 10)
    const data = send(hub, 'data', { lux: 2 })
    store.release()
    expect(await ended).toBe('changed')
    await Promise.all([first, data])
    expect(await status()).toBe('online')
    expect(announced.filter((one) => /Connected|Disconnected/.test(one))).toEqual([
      'deviceConnected L1',
      'deviceDisconnected L1',
      'deviceConnected L1',
    ])
  })

  it('data after an end brings the device back at once', async () => {
    const { hub, report, status } = await lamp()
    await send(hub, 'data', { lux: 1 })
    expect(await report('disconnected', 100)).toBe('changed')
    await send(hub, 'data', { lux: 2 })
    expect(await status()).toBe('online')
  })

  it('is what a late sample is announced with', async () => {
    const { hub, report, statuses } = await lamp()
    await send(hub, 'status', { status: 'offline', timestamp: '2026-03-01T00:00:05Z' })
    await report('connected', 10, 10)
    await send(hub, 'data', { lux: 1, timestamp: '2026-03-01T00:00:03Z' })
    expect(statuses).toEqual(['online'])
  })

  it('wakes the commands that wait for the device', async () => {
    const Door = defineDeviceType('door', {
      readings: { open: reading.boolean() },
      commands: { shut: command() },
    })
    const hub = createDeviceHub({ types: [Door], clock, logger: silentLogger, commands: { lookEvery: 3600 } })
    open.push(hub)
    await hub.devices.create(Door, { deviceId: 'D1' })
    const published: string[] = []
    hub.attach({
      name: 'default',
      async publish({ topic }) {
        published.push(topic)
      },
      start: async () => {},
      stop: async () => {},
    })
    await hub.commands.send(Door, 'D1', 'shut')
    expect(published).toEqual([])
    await hub.sessions.report({ type: Door, deviceId: 'D1', event: 'connected', source: 'broker:test' })
    await until(() => published.length > 0)
    expect(published).toEqual(['things/door/D1/cmd'])
  })
})

describe('what is refused', () => {
  it('a device that does not exist is not registered by it, and leaves no row', async () => {
    const { hub } = await lamp()
    const report = (deviceId: string) =>
      hub.sessions.report({ type: Lamp, deviceId, event: 'connected', source: 'broker:test' })
    expect(await report('L2')).toBe('unknown_device')
    expect(await report('../#')).toBe('unknown_device')
    expect(await report('')).toBe('unknown_device')
    expect(await hub.devices.get(Lamp, 'L2')).toBeNull()
    expect((await hub.messages.list(Lamp)).items).toEqual([])
  })

  it('a deactivated device stays as it is', async () => {
    const { hub, report, status } = await lamp()
    await hub.devices.deactivate(Lamp, 'L1')
    expect(await report('connected', 10, 10)).toBe('unknown_device')
    expect(await status()).toBe('offline')
  })

  it('a type of another hub', async () => {
    const { hub } = await lamp()
    const Other = defineDeviceType('other', { readings: { x: reading.float() } })
    await expect(
      hub.sessions.report({ type: Other, deviceId: 'L1', event: 'connected', source: 'broker:test' }),
    ).rejects.toMatchObject({ code: 'unknown_type' })
  })

  it('control characters and length of a reason', async () => {
    const { report, rows } = await lamp('online')
    await report('disconnected', 10, 10, { reason: `a\0b\ud800${'x'.repeat(10_000)}` })
    const { reason } = JSON.parse((await rows())[0]?.payloadJson ?? '') as { reason: string }
    expect(reason).toBe(`a?b?${'x'.repeat(248)}...`)
  })
})

describe('when the database is away', () => {
  it('waits for it, and refuses what is too much to wait', async () => {
    const inner = memoryStorage()
    let isAway = false
    const adapter: StorageAdapter = {
      name: 'away',
      open(context) {
        const storage = inner.open(context)
        return {
          ...storage,
          async commit(batch) {
            if (isAway) throw new DeviceHubError('storage_unavailable', 'away')
            return storage.commit(batch)
          },
        }
      },
    }
    const hub = createDeviceHub({
      types: [Lamp],
      storage: adapter,
      ingest: { maxQueued: 3 },
      clock,
      logger: silentLogger,
    })
    open.push(hub)
    await hub.devices.create(Lamp, { deviceId: 'L1' })
    isAway = true
    const report = () =>
      hub.sessions.report({ type: Lamp, deviceId: 'L1', event: 'connected', source: 'broker:test' })
    const waiting = [report(), report(), report()]
    await expect(report()).rejects.toMatchObject({ code: 'queue_full' })
    isAway = false
    expect(await Promise.all(waiting)).toEqual(['changed', 'unchanged', 'unchanged'])
  })

  it('rejects when it refuses the row', async () => {
    const inner = memoryStorage()
    const adapter: StorageAdapter = {
      name: 'refusing',
      open: (context) => ({
        ...inner.open(context),
        commit: async () => {
          throw new DeviceHubError('storage_failed', 'no')
        },
      }),
    }
    const hub = createDeviceHub({ types: [Lamp], storage: adapter, clock, logger: silentLogger })
    open.push(hub)
    await hub.devices.create(Lamp, { deviceId: 'L1' })
    await expect(
      hub.sessions.report({ type: Lamp, deviceId: 'L1', event: 'connected', source: 'broker:test' }),
    ).rejects.toMatchObject({ code: 'storage_failed' })
  })
})

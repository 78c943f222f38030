import { describe, expect, test } from 'vitest'
import {
  createDeviceHub,
  createPresenceMonitor,
  defineDeviceType,
  type InboundMessage,
  memoryStorage,
  reading,
  silentLogger,
  state,
} from '../index.js'

/** Overdue after 25 s. */
const Valve = defineDeviceType('valve', {
  heartbeatInterval: 10,
  readings: { level: reading.float() },
  state: { mode: state.enum(['a', 'b']) },
  unknownField: 'reject',
})
const T0 = Date.UTC(2026, 0, 5)

async function world() {
  const clock = { time: T0, now: () => clock.time }
  const storage = memoryStorage()
  const commits: { touches: number; changes: number }[] = []
  const counted: typeof storage = {
    ...storage,
    open(context) {
      const opened = storage.open(context)
      return {
        ...opened,
        commit(batch) {
          commits.push({ touches: batch.touches.length, changes: batch.changes.length })
          return opened.commit(batch)
        },
      }
    },
  }
  const hub = createDeviceHub({
    types: [Valve],
    storage: counted,
    clock,
    logger: silentLogger,
    maxPayload: 200,
    deviceCache: { refreshAfter: 60 },
  })
  await hub.devices.create(Valve, { deviceId: 'v' })
  const send = async (channel: string, payload: string, more: Partial<InboundMessage> = {}) => {
    const [outcome] = await hub.ingest([
      { topic: `things/valve/v/${channel}`, payload: Buffer.from(payload), source: 'test', ...more },
    ])
    return outcome
  }
  const device = async () => {
    const { status, lastSeen } = (await hub.devices.get(Valve, 'v')) ?? {}
    return { status, lastSeen: lastSeen?.getTime() ?? null }
  }
  return { hub, clock, send, device, commits }
}

const REFUSED: readonly (readonly [what: string, channel: string, payload: string, code: string])[] = [
  ['a payload that is no JSON', 'data', '{', 'invalid_json'],
  ['an empty payload', 'data', '', 'empty_payload'],
  ['a payload that is too large', 'data', `"${'x'.repeat(300)}"`, 'payload_too_large'],
  ['a field that is not declared', 'data', '{"level":1,"other":2}', 'unknown_field'],
  ['a reply to a command that nobody sent', 'response', '{"id":"x","status":"succeeded"}', 'unknown_command'],
  ['a reply that is none', 'response', '[]', 'invalid_shape'],
  ['a state that is none', 'state', '5', 'invalid_shape'],
]

describe('a sign of life', () => {
  test.each(REFUSED)('is %s: it wakes an offline device', async (_, channel, payload, code) => {
    const { send, device, hub } = await world()
    expect(await send(channel, payload)).toMatchObject({ status: 'rejected', code })
    expect(await device()).toEqual({ status: 'online', lastSeen: T0 })
    expect((await hub.messages.list(Valve)).items).toMatchObject([{ status: 'rejected', code }])
    await hub.close()
  })

  test.each([
    ['a reply', 'response', '{"id":"x","status":"accepted"}'],
    ['a state report', 'state', '{"reported":{"mode":"a"}}'],
    ['a status without a status', 'status', '{"battery_level":50}'],
    ['a duplicate', 'data', '{"level":1,"id":"once"}'],
  ])('is %s', async (_, channel, payload) => {
    const { send, device, clock, hub } = await world()
    await send('data', '{"level":1,"id":"once"}')
    clock.time += 1_000
    await send('status', '{"status":"offline"}')
    clock.time += 1_000
    await send(channel, payload)
    expect(await device()).toEqual({ status: 'online', lastSeen: clock.time })
    await hub.close()
  })

  test('keeps presence from marking a device whose messages are all refused', async () => {
    const { send, device, clock, hub } = await world()
    const monitor = createPresenceMonitor(hub, { every: 10 })
    await send('data', '{"level":1}')
    for (let passed = 0; passed < 120; passed += 5) {
      clock.time += 5_000
      expect(await send('data', 'nonsense')).toMatchObject({ status: 'rejected' })
      expect(await monitor.sweep()).toBe(0)
    }
    expect(await device()).toEqual({ status: 'online', lastSeen: clock.time })
    for (let passed = 0; passed < 60; passed += 5) {
      clock.time += 5_000
      await monitor.sweep()
    }
    expect(await device()).toMatchObject({ status: 'offline' })
    await monitor.close()
    await hub.close()
  })

  test('is written at intervals, as that of good messages is', async () => {
    const { send, clock, hub, commits } = await world()
    await send('data', '{"level":1}')
    commits.length = 0
    for (let sent = 0; sent < 100; sent++) {
      clock.time += 100
      await send('data', 'nonsense')
    }
    // Each 5 s of these 10.
    expect(commits.filter(({ touches }) => touches > 0)).toHaveLength(2)
    expect(commits.every(({ changes }) => changes === 0)).toBe(true)
    await hub.close()
  })

  test('is none: what the broker had kept, a replay, a message of an inactive or unknown device', async () => {
    const { send, device, clock, hub } = await world()
    await send('data', 'nonsense', { retained: true })
    await send('data', '{"level":1}', { retained: true })
    expect(await device()).toEqual({ status: 'offline', lastSeen: null })

    await hub.devices.deactivate(Valve, 'v')
    await send('data', 'nonsense')
    expect(await send('data', '{"level":2}')).toMatchObject({ code: 'inactive_device' })
    await hub.devices.activate(Valve, 'v')
    expect(await device()).toEqual({ status: 'offline', lastSeen: null })

    clock.time += 1_000
    for (const { id, typeKey, code } of (await hub.messages.list(Valve, { status: 'rejected' })).items)
      if (code === 'inactive_device') await hub.messages.replay({ id, typeKey })
    expect((await hub.readings.list(Valve)).items).toHaveLength(2)
    expect(await device()).toEqual({ status: 'offline', lastSeen: null })

    await hub.ingest([{ topic: 'things/valve/ghost/data', payload: Buffer.from('nonsense'), source: 'test' }])
    expect(await hub.devices.get(Valve, 'ghost')).toBeNull()
    await hub.close()
  })

  test('survives a database that refuses the rest of the message', async () => {
    const { hub, clock } = await world()
    const storage = memoryStorage()
    const refusing: typeof storage = {
      ...storage,
      open(context) {
        const opened = storage.open(context)
        const refuse = new Error('no')
        return {
          ...opened,
          commit: (batch) =>
            batch.entries.some(({ samples }) => samples.length > 0)
              ? Promise.reject(Object.assign(refuse, { name: 'DeviceHubError', code: 'storage_failed' }))
              : opened.commit(batch),
        }
      },
    }
    const other = createDeviceHub({ types: [Valve], storage: refusing, clock, logger: silentLogger })
    await other.devices.create(Valve, { deviceId: 'v' })
    const message = { topic: 'things/valve/v/data', payload: Buffer.from('{"level":1}'), source: 'test' }
    expect(await other.ingest([message])).toMatchObject([{ code: 'storage_failed' }])
    expect(await other.devices.get(Valve, 'v')).toMatchObject({ status: 'online', lastSeen: new Date(T0) })
    await other.close()
    await hub.close()
  })
})

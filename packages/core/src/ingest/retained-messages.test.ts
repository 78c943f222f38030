import { describe, expect, test } from 'vitest'
import { command } from '../model/device-type/command.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { state } from '../model/device-type/state.js'
import { deviceWorld, NOW } from './testing/device-world.js'

const Station = defineDeviceType('station', {
  readings: { temperature: reading.float() },
  commands: { reboot: command() },
  state: { mode: state.string(), note: state.string() },
})

describe('what a broker kept and hands out at each subscription', () => {
  test.each<[string, object]>([
    ['with neither id nor time', { temperature: 21 }],
    ['with an id', { temperature: 21, id: 'a' }],
    ['with a time', { temperature: 21, timestamp: NOW - 1000 }],
    ['with the time of a clock that starts at boot', { temperature: 21, timestamp: 12 }],
    ['with a time that cannot be read', { temperature: 21, timestamp: 'noon' }],
  ])('a sample %s is stored once, over any number of restarts', async (_, payload) => {
    const { clock, retained, readings, messages } = await deviceWorld(Station)
    expect(await retained(payload)).toMatchObject({ status: 'stored', samples: 1 })
    for (let restart = 0; restart < 3; restart++) {
      clock.time += 60_000
      expect(await retained(payload)).toEqual({ status: 'duplicate' })
    }
    const stored = await readings()
    expect(stored).toHaveLength(1)
    expect(stored[0]?.flags).toContain('retained')
    expect((await messages()).map(({ status, flags }) => [status, flags?.includes('retained')])).toEqual([
      ['duplicate', true],
      ['duplicate', true],
      ['duplicate', true],
      ['processed', true],
    ])
  })

  test('another content is another sample', async () => {
    const { retained, readings } = await deviceWorld(Station)
    await retained({ temperature: 21 })
    await retained({ temperature: 22 })
    expect(await readings()).toHaveLength(2)
  })

  test.each<[string, 'data' | 'status' | 'state', object]>([
    ['a sample', 'data', { temperature: 21 }],
    ['a sample that does not fit', 'data', { temperature: 'x' }],
    ['a status', 'status', { status: 'online', battery_level: 50 }],
    ['a dated status', 'status', { status: 'online', timestamp: NOW }],
    ['a state', 'state', { reported: { mode: 'x' } }],
  ])('%s is no sign of life: a dead device stays offline and unseen', async (_, channel, payload) => {
    const { retained, device } = await deviceWorld(Station)
    await retained(payload, channel)
    expect(await device()).toMatchObject({ status: 'offline', lastSeen: null, batteryLevel: null })
  })

  test('a will of long ago does not set a device offline that sends', async () => {
    const { send, retained, device, messages } = await deviceWorld(Station)
    await send({ temperature: 21 })
    await retained({ status: 'offline' }, 'status')
    expect((await device())?.status).toBe('online')
    expect((await messages())[0]).toMatchObject({ status: 'processed', flags: 'retained' })
  })

  test('a state fills in what nobody reported, and passes for nothing newer without a time or a version that is', async () => {
    const { hub, clock, send, retained } = await deviceWorld(Station)
    await send({ reported: { mode: 'live' } }, 'state')
    clock.time += 1000
    await retained({ reported: { mode: 'old', note: 'kept' } }, 'state')
    const twin = async () => hub.twin(Station).get('d1')
    expect(await twin()).toMatchObject({ reported: { mode: 'live', note: 'kept' } })
    expect((await twin())?.reportedAt).toEqual({ mode: new Date(NOW) })
    await retained({ reported: { mode: 'versioned' }, version: 3 }, 'state')
    expect((await twin())?.reported.mode).toBe('versioned')
    clock.time += 1000
    await send({ reported: { mode: 'live again' }, version: 3 }, 'state')
    expect((await twin())?.reported.mode).toBe('live again')
  })

  test('a dated state is taken when the device’s own time says that it is newer', async () => {
    const { hub, send, retained } = await deviceWorld(Station)
    const mode = async () => (await hub.twin(Station).get('d1'))?.reported.mode
    await send({ reported: { mode: 'a' }, timestamp: NOW - 5000 }, 'state')
    await retained({ reported: { mode: 'older' }, timestamp: NOW - 6000 }, 'state')
    expect(await mode()).toBe('a')
    await retained({ reported: { mode: 'newer' }, timestamp: NOW - 4000 }, 'state')
    expect(await mode()).toBe('newer')
  })

  test('a reply tells of its command, by the id of it, and of nothing else', async () => {
    const { hub, retained, device } = await deviceWorld(Station)
    const sent = await hub.commands.send(Station, 'd1', 'reboot')
    expect(await retained({ id: sent.id, status: 'succeeded' }, 'response')).toMatchObject({
      status: 'stored',
    })
    expect((await hub.commands.get(sent.id))?.state).toBe('succeeded')
    expect(await retained({ id: sent.id, status: 'succeeded' }, 'response')).toEqual({ status: 'duplicate' })
    expect(await device()).toMatchObject({ status: 'offline', lastSeen: null })
  })
})

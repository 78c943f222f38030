import { describe, expect, test } from 'vitest'
import { memoryStorage } from '../memory/memory-storage.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import type { StorageAdapter } from '../ports/storage.js'
import { deviceWorld } from './testing/device-world.js'

const Station = defineDeviceType('station', { readings: { level: reading.float() } })
const FIELDS = { deviceCache: { maxEntries: 100, refreshAfter: 1 } }

/** The reference storage; something happens while devices are looked up. */
function whileLookingUp(happens: () => unknown): StorageAdapter {
  return {
    name: 'tapped',
    open(context) {
      const storage = memoryStorage().open(context)
      const find: typeof storage.devices.find = async (type, ids) => {
        const found = await storage.devices.find(type, ids)
        await happens()
        return found
      }
      return { ...storage, devices: { ...storage.devices, find } }
    },
  }
}

test('a device that another process deactivated is refused after a step back of the clock too', async () => {
  const world = await deviceWorld(Station, FIELDS)
  expect(await world.send({ level: 1 })).toMatchObject({ status: 'stored' })
  await world.hub.storage.devices.update(Station, 'd1', { isActive: false }, world.clock.time)
  world.clock.time -= 3_600_000
  expect(await world.send({ level: 2 })).toMatchObject({ status: 'rejected', code: 'inactive_device' })
  await world.hub.close()
})

test('after a step back of the clock it is seen now, not at the time before', async () => {
  const seen: (Date | null)[] = []
  const Heard = defineDeviceType('heard', {
    readings: { level: reading.float() },
    hooks: { onData: ({ device }) => void seen.push(device.lastSeen) },
  })
  const world = await deviceWorld(Heard)
  const before = new Date(world.clock.time)
  await world.send({ level: 1 })
  world.clock.time -= 30_000
  await world.send({ level: 2 })
  await world.hub.close()
  expect(seen).toEqual([before, new Date(world.clock.time)])
})

describe('a device that was just looked up is known', () => {
  test.each(['reject', 'quarantine', 'register'] as const)(
    'however long that took (unknownDevice: %s)',
    async (unknownDevice) => {
      const took = { ms: 0 }
      const storage = whileLookingUp(() => {
        world.clock.time += took.ms
      })
      const world = await deviceWorld(Station, { ...FIELDS, storage, unknownDevice })
      took.ms = 60_000
      expect(await world.send({ level: 1 })).toMatchObject({ status: 'stored' })
      expect(await world.send({ level: 2 })).toMatchObject({ status: 'stored' })
      await world.hub.close()
    },
  )

  test('and one that was just registered', async () => {
    const storage = whileLookingUp(() => {
      world.clock.time += 60_000
    })
    const world = await deviceWorld(Station, { ...FIELDS, storage, unknownDevice: 'register' })
    const [outcome] = await world.hub.ingest([
      { topic: 'things/station/new/data', payload: Buffer.from('{"level":1}'), source: 'test', qos: 1 },
    ])
    expect(outcome).toMatchObject({ status: 'stored' })
    await world.hub.close()
  })

  test('though more come at once than are remembered', async () => {
    const world = await deviceWorld(Station, { deviceCache: { maxEntries: 1, refreshAfter: 1 } })
    for (const deviceId of ['d2', 'd3']) await world.hub.devices.create(Station, { deviceId })
    const outcomes = await world.hub.ingest(
      ['d1', 'd2', 'd3'].map((deviceId) => ({
        topic: `things/station/${deviceId}/data`,
        payload: Buffer.from('{"level":1}'),
        source: 'test',
        qos: 1 as const,
      })),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['stored', 'stored', 'stored'])
    await world.hub.close()
  })
})

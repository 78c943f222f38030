import type { Storage } from '@devicehub/core'
import { type Condition, conditionOf } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { batch, change, device, deviceOf, entry, newId, Sensor, sample, T0 } from '../fixtures.js'
import { errorOf, type StorageContract, sharedStorage } from '../harness.js'

const HOUR = 3_600_000

/** What `within` means: what a device outside of it has is as if it had never been. */
export function scopeContract(contract: StorageContract): void {
  describe('within a condition', () => {
    const shared = sharedStorage(contract)
    const of = (customer: string): Condition => conditionOf(Sensor, { labels: { customer } }, T0)

    /** A device with a sample and a message, the condition that it is in, and one that it is not in. */
    async function labelled(storage: Storage) {
      const deviceId = newId()
      const [inside, outside] = [of(`in-${deviceId}`), of(`out-${deviceId}`)]
      const labels = { customer: `in-${deviceId}` }
      await storage.devices.create(Sensor, device(Sensor, deviceId, { labels }))
      const samples = [sample(Sensor, deviceId, T0, { temperature: 5 })]
      await storage.commit(batch([entry(Sensor, deviceId, samples)]))
      return { deviceId, inside, outside }
    }

    test('devices are found', async () => {
      const { storage } = shared
      const { deviceId, inside, outside } = await labelled(storage)
      const found = await storage.devices.find(Sensor, [deviceId], inside)
      expect(found).toEqual([await deviceOf(storage, Sensor, deviceId)])
      expect(await storage.devices.find(Sensor, [deviceId], outside)).toEqual([])
    })

    test('devices are changed, and one that would not be in it afterwards is `out_of_scope`', async () => {
      const { storage } = shared
      const { deviceId, inside, outside } = await labelled(storage)
      const { devices } = storage
      const before = await deviceOf(storage, Sensor, deviceId)
      const leave = { name: 'gone', labels: { customer: 'else' } }
      expect(await devices.update(Sensor, deviceId, { name: 'taken' }, T0 + 1, outside)).toBeNull()
      expect(await devices.updateMany(Sensor, [deviceId], { name: 'taken' }, T0 + 1, outside)).toEqual([])
      await expect(devices.update(Sensor, deviceId, leave, T0 + 1, inside)).rejects.toEqual(
        errorOf('out_of_scope'),
      )
      await expect(devices.updateMany(Sensor, [deviceId], leave, T0 + 1, inside)).rejects.toEqual(
        errorOf('out_of_scope'),
      )
      expect(await deviceOf(storage, Sensor, deviceId)).toEqual(before)

      expect(await devices.update(Sensor, deviceId, { name: 'a' }, T0 + 2, inside)).toMatchObject({
        name: 'a',
      })
      const other = await labelled(storage)
      const both = [deviceId, other.deviceId]
      expect(await devices.updateMany(Sensor, both, { name: 'b' }, T0 + 3, inside)).toEqual([deviceId])
      expect((await deviceOf(storage, Sensor, deviceId)).name).toBe('b')
      expect((await deviceOf(storage, Sensor, other.deviceId)).name).toBe(other.deviceId)
    })

    test('devices are deleted', async () => {
      const { storage } = shared
      const { deviceId, inside, outside } = await labelled(storage)
      expect(await storage.devices.delete(Sensor, deviceId, T0, outside)).toBe(false)
      expect((await storage.readings.list(Sensor, { deviceId }, { limit: 5 })).items).toHaveLength(1)
      expect(await storage.devices.delete(Sensor, deviceId, T0, inside)).toBe(true)
      expect(await storage.devices.find(Sensor, [deviceId])).toEqual([])
    })

    test('readings are read', async () => {
      const { storage } = shared
      const { deviceId, inside, outside } = await labelled(storage)
      const { readings } = storage
      const [stored] = (await readings.list(Sensor, { deviceId }, { limit: 5 })).items
      const id = stored?.id ?? ''
      const series = async (condition: Condition) =>
        (
          await readings.series(Sensor, {
            devices: { condition },
            groupBy: 'device',
            figures: [{ field: 'temperature', fn: 'max' }],
            edges: [T0, T0 + HOUR],
            now: T0 + HOUR,
          })
        ).map(({ values }) => values)
      const aggregate = async (within: Condition, more: { readonly deviceId?: string }) =>
        (await readings.aggregate(Sensor, { ...more, within, field: 'temperature', fn: 'max' }))[0]?.result
      for (const asked of [{ deviceId }, {}]) {
        const list = async (within: Condition) =>
          (await readings.list(Sensor, { ...asked, within }, { limit: 5 })).items
        expect(await list(inside)).toEqual([stored])
        expect(await list(outside)).toEqual([])
        expect(await aggregate(inside, asked)).toBe(5)
        expect((await aggregate(outside, asked)) ?? null).toBeNull()
      }
      expect(await readings.get(Sensor, id, inside)).toEqual(stored)
      expect(await readings.get(Sensor, id, outside)).toBeNull()
      expect(await readings.latest(Sensor, [deviceId], inside)).toEqual(
        await readings.latest(Sensor, [deviceId]),
      )
      expect(await readings.latest(Sensor, [deviceId], outside)).toEqual([])
      expect(await readings.latestSamples(Sensor, [deviceId], inside)).toEqual([stored])
      expect(await readings.latestSamples(Sensor, [deviceId], outside)).toEqual([])
      expect(await series(inside)).toEqual([[5]])
      expect(await series(outside)).toEqual([])
    })

    test('messages are read, those alone that were processed since their device was created', async () => {
      const { storage } = shared
      const { deviceId, inside, outside } = await labelled(storage)
      // Received before, as the first message of a device that registers itself is.
      const first = { receivedAt: T0 - 5, processedAt: T0 }
      await storage.commit(batch([entry(Sensor, deviceId, [], first)]))
      const before = { receivedAt: T0 - 5, processedAt: T0 - 1 }
      await storage.commit(batch([entry(Sensor, deviceId, [], before)]))
      const { messages } = storage
      const all = (await messages.list(Sensor, { deviceId }, { limit: 10 })).items
      const [hidden, ...visible] = all
      expect(visible).toHaveLength(2)
      for (const asked of [{ deviceId }, {}]) {
        const list = async (within: Condition) =>
          (await messages.list(Sensor, { ...asked, within }, { limit: 10 })).items
        expect(await list(inside)).toEqual(visible)
        expect(await list(outside)).toEqual([])
      }
      const get = (id: string, within: Condition) => messages.get({ typeKey: Sensor.key, id }, within)
      for (const one of visible) {
        expect(await get(one.id, inside)).toEqual(one)
        expect(await get(one.id, outside)).toBeNull()
      }
      expect(await get(hidden?.id ?? '', inside)).toBeNull()
    })

    test('messages of no device are not in it', async () => {
      const { storage } = shared
      await storage.commit(batch([entry(null, null, [], { topic: 'elsewhere' })]))
      const { inside } = await labelled(storage)
      expect((await storage.messages.list(null, { within: inside }, { limit: 5 })).items).toEqual([])
    })

    test('what a deleted device left behind is not in it with a new one of its id', async () => {
      const { storage } = shared
      const { deviceId, inside } = await labelled(storage)
      const { labels } = await deviceOf(storage, Sensor, deviceId)
      await storage.devices.delete(Sensor, deviceId, T0 + 2)
      await storage.devices.create(Sensor, device(Sensor, deviceId, { labels, createdAt: T0 + 2 }))
      for (const asked of [{ deviceId }, {}]) {
        const filter = { ...asked, within: inside }
        expect((await storage.readings.list(Sensor, filter, { limit: 5 })).items).toEqual([])
        expect((await storage.messages.list(Sensor, filter, { limit: 5 })).items).toEqual([])
      }
      expect((await storage.messages.list(Sensor, { deviceId }, { limit: 5 })).items).toHaveLength(1)
    })

    test('a device that leaves it while it is changed ends up outside, or was changed before', async () => {
      const { storage, other } = shared
      for (let round = 0; round < 10; round++) {
        const { deviceId, inside } = await labelled(storage)
        const changed = (): Promise<unknown> => {
          if (round % 2 === 0) return storage.devices.update(Sensor, deviceId, { name: 'b' }, T0, inside)
          return storage.devices.updateMany(Sensor, [deviceId], { name: 'b' }, T0, inside)
        }
        const leave = { name: 'left', labels: { customer: 'else' } }
        await Promise.all([changed(), other.devices.update(Sensor, deviceId, leave, T0)])
        // Changed after it left, its name would be the other's.
        expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject(leave)
      }
    })

    test('a device that leaves it by its state is not changed any more', async () => {
      const { storage, other } = shared
      for (let round = 0; round < 10; round++) {
        const { deviceId } = await labelled(storage)
        const online = conditionOf(Sensor, { deviceId, status: 'offline' }, T0)
        const goes = batch([], {
          changes: [change(Sensor, deviceId, T0 + 1, { status: { value: 'online' } })],
        })
        const [isDeleted] = await Promise.all([
          storage.devices.delete(Sensor, deviceId, T0, online),
          other.commit(goes),
        ])
        const left = await storage.devices.find(Sensor, [deviceId])
        expect(left.map(({ status }) => status)).toEqual(isDeleted ? [] : ['online'])
      }
    })
  })
}

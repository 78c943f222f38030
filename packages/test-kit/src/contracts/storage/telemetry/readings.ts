import { describe, expect, test } from 'vitest'
import { batch, entry, Meter, newDevice, newId, readingOf, Sensor, sample, store, T0 } from '../fixtures.js'
import { errorOf, everyPage, freshStorage, type StorageContract, sharedStorage } from '../harness.js'

export function readingContract(contract: StorageContract): void {
  describe('readings', () => {
    const shared = sharedStorage(contract)

    test('list goes by measured time, newest first by default, oldest first on request', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      for (const [index, offset] of [30, 10, 50, 20, 40].entries())
        await store(storage, Sensor, deviceId, [sample(Sensor, deviceId, T0 + offset, { pulses: index })])
      const offsets = async (order?: 'asc' | 'desc') =>
        (
          await storage.readings.list(Sensor, { deviceId, ...(order ? { order } : {}) }, { limit: 10 })
        ).items.map(({ timestamp }) => timestamp - T0)
      expect(await offsets()).toEqual([50, 40, 30, 20, 10])
      expect(await offsets('desc')).toEqual([50, 40, 30, 20, 10])
      expect(await offsets('asc')).toEqual([10, 20, 30, 40, 50])
    })

    test('`from` is inclusive and `to` exclusive', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await store(
        storage,
        Sensor,
        deviceId,
        [0, 1, 2, 3, 4].map((offset) => sample(Sensor, deviceId, T0 + offset)),
      )
      const between = async (from?: number, to?: number, order: 'asc' | 'desc' = 'asc') => {
        const range = {
          ...(from === undefined ? {} : { from: T0 + from }),
          ...(to === undefined ? {} : { to: T0 + to }),
        }
        const page = await storage.readings.list(Sensor, { deviceId, order, ...range }, { limit: 10 })
        return page.items.map(({ timestamp }) => timestamp - T0)
      }
      expect(await between(1, 3)).toEqual([1, 2])
      expect(await between(1, 3, 'desc')).toEqual([2, 1])
      expect(await between(3)).toEqual([3, 4])
      expect(await between(undefined, 2)).toEqual([0, 1])
      expect(await between(2, 2)).toEqual([])
      expect(await between(4, 1)).toEqual([])
      expect(await between(5)).toEqual([])
    })

    test('without a device the whole type is listed, and no other type', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const ids = [await newDevice(storage, Sensor), await newDevice(storage, Sensor)]
      for (const [index, id] of [...ids, ...ids].entries())
        await store(storage, Sensor, id, [sample(Sensor, id, T0 + index)])
      const meter = await newDevice(storage, Meter)
      await store(storage, Meter, meter, [sample(Meter, meter, T0)])
      const { items } = await storage.readings.list(Sensor, { from: T0 + 1 }, { limit: 10 })
      expect(items.map(({ deviceId, timestamp }) => [ids.indexOf(deviceId), timestamp - T0])).toEqual([
        [1, 3],
        [0, 2],
        [1, 1],
      ])
    })

    test('pages through equal times without a gap or a repetition, and descending is ascending reversed', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const samples = Array.from({ length: 30 }, (_, index) =>
        sample(Sensor, deviceId, T0 + Math.floor(((index * 7) % 30) / 10), { pulses: index }),
      )
      for (let at = 0; at < 30; at += 10) await store(storage, Sensor, deviceId, samples.slice(at, at + 10))
      const listed = async (order: 'asc' | 'desc', limit: number) => {
        const { items, sizes } = await everyPage((cursor) =>
          storage.readings.list(Sensor, { deviceId, order, from: T0, to: T0 + 3 }, { limit, cursor }),
        )
        expect(sizes).toHaveLength(Math.ceil(30 / limit))
        return items.map((item) => readingOf(Sensor, item, 'pulses'))
      }
      const ascending = await listed('asc', 100)
      expect([...ascending].sort((a, b) => Number(a) - Number(b))).toEqual(samples.map((_, index) => index))
      for (const limit of [1, 7, 10, 30]) {
        expect(await listed('asc', limit)).toEqual(ascending)
        expect(await listed('desc', limit)).toEqual([...ascending].reverse())
      }
    })

    test('a sample that arrives between two pages disturbs none of the others', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const at = (offset: number) => sample(Sensor, deviceId, T0 + offset)
      await store(storage, Sensor, deviceId, [10, 20, 30, 40].map(at))
      const first = await storage.readings.list(Sensor, { deviceId }, { limit: 2 })
      await store(storage, Sensor, deviceId, [at(50), at(35), at(15)])
      const cursor = first.cursor ?? undefined
      const second = await storage.readings.list(Sensor, { deviceId }, { limit: 10, cursor })
      expect(second.items.map(({ timestamp }) => timestamp - T0)).toEqual([20, 15, 10])
    })

    test('invariant 4: latest is the greatest measured time, not the last arrival', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const pulses = async () => {
        const [found] = await storage.readings.latestSamples(Sensor, [deviceId])
        return found ? readingOf(Sensor, found, 'pulses') : null
      }
      expect(await pulses()).toBeNull()
      const send = (offset: number, value: number) =>
        store(storage, Sensor, deviceId, [sample(Sensor, deviceId, T0 + offset, { pulses: value })])
      await send(10, 1)
      await send(5, 2)
      expect(await pulses()).toBe(1)
      await send(20, 3)
      await send(-86_400_000, 4)
      expect(await pulses()).toBe(3)
    })

    test('latest of equal times is the one that list has first', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      for (const pulses of [1, 2, 3])
        await store(storage, Sensor, deviceId, [sample(Sensor, deviceId, T0, { pulses })])
      const listed = await storage.readings.list(Sensor, { deviceId }, { limit: 1 })
      expect(await storage.readings.latestSamples(Sensor, [deviceId])).toEqual(listed.items)
    })

    test('latest of many devices is one sample each of those that have one', async () => {
      const { storage } = shared
      const ids = Array.from({ length: 300 }, () => newId())
      const entries = ids.flatMap((id, index) =>
        index % 3 === 0
          ? []
          : [
              entry(
                Sensor,
                id,
                [2, 9, 5].map((at) => sample(Sensor, id, T0 + at * index)),
              ),
            ],
      )
      await storage.commit(batch(entries))
      const found = await storage.readings.latestSamples(Sensor, [...ids, ids[1] as string, newId()])
      expect(Object.fromEntries(found.map((one) => [one.deviceId, one.timestamp]))).toEqual(
        Object.fromEntries(ids.flatMap((id, index) => (index % 3 === 0 ? [] : [[id, T0 + 9 * index]]))),
      )
      expect(found).toHaveLength(200)
      expect(await storage.readings.latestSamples(Sensor, [])).toEqual([])
      expect(await storage.readings.latestSamples(Meter, ids)).toEqual([])
    })

    test('a cursor that the storage did not give out is `invalid_query`', async () => {
      for (const cursor of ['nonsense', '', '{}', '-', "1' or '1'='1"])
        await expect(shared.storage.readings.list(Sensor, {}, { limit: 1, cursor })).rejects.toEqual(
          errorOf('invalid_query'),
        )
    })
  })
}

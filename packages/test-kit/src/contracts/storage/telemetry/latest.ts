import type { Storage } from '@devicehub/core'
import type { NewSample } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import {
  ALL_BYTES,
  batch,
  device,
  entry,
  Meter,
  newDevice,
  newId,
  readingOf,
  Sensor,
  sample,
  store,
  T0,
} from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'
import { lastOf, YEAR_2106 } from './latest-fixtures.js'

export function latestContract(contract: StorageContract): void {
  describe('last values', () => {
    const shared = sharedStorage(contract)
    const at = (
      deviceId: string,
      offset: number,
      values: Record<string, number>,
      more?: Partial<NewSample>,
    ) => sample(Meter, deviceId, T0 + offset, values, more)

    test('each reading has its own last value and time; a device without samples has none', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Meter)
      expect(await storage.readings.latest(Meter, [d])).toEqual([])
      await store(storage, Meter, d, [at(d, 1, { temperature: 21 })])
      await store(storage, Meter, d, [at(d, 2, { total: 40 })])
      expect(await storage.readings.latest(Meter, [d])).toEqual([
        {
          deviceId: d,
          orderAt: T0 + 2,
          values: [
            { value: 21, at: T0 + 1 },
            { value: 40, at: T0 + 2 },
          ],
        },
      ])
      await store(storage, Meter, d, [at(d, 3, { temperature: 22 })])
      expect(await lastOf(storage, Meter, d)).toEqual({ temperature: [22, 3], total: [40, 2] })
    })

    test('invariant 4: a late sample changes only what is not newer, reading by reading', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Meter)
      await store(storage, Meter, d, [at(d, 10, { temperature: 1 })])
      await store(storage, Meter, d, [at(d, 5, { temperature: 2, total: 3 })])
      expect(await lastOf(storage, Meter, d)).toEqual({ temperature: [1, 10], total: [3, 5] })
      await store(storage, Meter, d, [at(d, -86_400_000, { temperature: 9, total: 9 })])
      await store(storage, Meter, d, [at(d, 7, { total: 4 })])
      expect(await lastOf(storage, Meter, d)).toEqual({ temperature: [1, 10], total: [4, 7] })
      expect((await storage.readings.latest(Meter, [d]))[0]?.orderAt).toBe(T0 + 10)
    })

    test('of equal times the sample stored later counts, within a batch and beyond', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Meter)
      await store(storage, Meter, d, [at(d, 1, { total: 1 }), at(d, 1, { total: 2 })])
      expect(await lastOf(storage, Meter, d)).toEqual({ total: [2, 1] })
      await store(storage, Meter, d, [at(d, 1, { total: 3 })])
      await storage.commit(
        batch([entry(Meter, d, [at(d, 1, { temperature: 5 })]), entry(Meter, d, [at(d, 1, { total: 4 })])]),
      )
      expect(await lastOf(storage, Meter, d)).toEqual({ temperature: [5, 1], total: [4, 1] })
    })

    test('a batch of many devices and times, in any order, is what its samples are one by one', async () => {
      const { storage } = shared
      const ids = Array.from({ length: 130 }, () => newId())
      const samples = Array.from({ length: 900 }, (_, index) => {
        const deviceId = ids[(index * 7) % 130] as string
        const values = index % 3 === 0 ? { temperature: index } : index % 3 === 1 ? { total: index } : {}
        return at(deviceId, (index * 7919) % 501, values)
      })
      for (let from = 0; from < 900; from += 300)
        await storage.commit(
          batch(samples.slice(from, from + 300).map((one) => entry(Meter, one.deviceId, [one]))),
        )
      const expected = (deviceId: string, name: string) => {
        let last: NewSample | undefined
        for (const one of samples)
          if (one.deviceId === deviceId && readingOf(Meter, one, name) !== null)
            if (last === undefined || one.timestamp >= last.timestamp) last = one
        return last ? { value: readingOf(Meter, last, name), at: last.timestamp } : null
      }
      const found = await storage.readings.latest(Meter, [...ids, ids[0] as string, newId()])
      expect(found).toHaveLength(130)
      for (const { deviceId, values, orderAt } of found) {
        expect(values).toEqual([expected(deviceId, 'temperature'), expected(deviceId, 'total')])
        const times = samples.filter((one) => one.deviceId === deviceId).map(({ timestamp }) => timestamp)
        expect(orderAt).toBe(Math.max(...times))
      }
      expect(await storage.readings.latest(Meter, [])).toEqual([])
      expect(await storage.readings.latest(Sensor, ids)).toEqual([])
    })

    test('devices of one batch that send different readings, at their own times', async () => {
      const { storage } = shared
      const [a, b, c] = [newId(), newId(), newId()]
      const send = (...samples: NewSample[]) =>
        storage.commit(batch(samples.map((one) => entry(Meter, one.deviceId, [one]))))
      await send(at(a, 1, { temperature: 1 }), at(b, 2, { total: 2 }), at(c, 3, {}))
      await send(at(c, 4, { temperature: 4, total: 4 }), at(b, 5, { temperature: 5 }))
      expect(await lastOf(storage, Meter, a)).toEqual({ temperature: [1, 1] })
      expect(await lastOf(storage, Meter, b)).toEqual({ temperature: [5, 5], total: [2, 2] })
      expect(await lastOf(storage, Meter, c)).toEqual({ temperature: [4, 4], total: [4, 4] })
      await send(at(a, 6, { total: 6 }), at(a, 7, { temperature: 7 }), at(b, 6, { total: 6 }))
      expect(await lastOf(storage, Meter, a)).toEqual({ temperature: [7, 7], total: [6, 6] })
      expect(await lastOf(storage, Meter, b)).toEqual({ temperature: [5, 5], total: [6, 6] })
    })

    test('every kind of value is given back as it was stored', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const values = {
        temperature: -1.5,
        pulses: Number.MAX_SAFE_INTEGER,
        open: false,
        label: `it's "ü" 🌡`,
        mode: 'Ünknown',
        calibrated_at: T0,
        config: '{"a":[1,null]}',
        frame: ALL_BYTES,
        position: '{"lat":1,"lon":2}',
      }
      await store(storage, Sensor, d, [sample(Sensor, d, T0, values)])
      const [found] = await storage.readings.latest(Sensor, [d])
      const given = found?.values.map((last) =>
        last?.value instanceof Uint8Array ? Uint8Array.from(last.value) : last?.value,
      )
      expect(given).toEqual(Object.values(values))
      await store(storage, Sensor, d, [sample(Sensor, d, T0 + 1, { open: true, label: '' })])
      expect(await lastOf(storage, Sensor, d)).toMatchObject({
        open: [true, 1],
        label: ['', 1],
        temperature: [-1.5, 0],
      })
    })

    test('invariant 2: what was stored before changes nothing', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Meter)
      const first = at(d, 1, { total: 1 }, { contentHash: 1 })
      await store(storage, Meter, d, [first])
      await store(storage, Meter, d, [at(d, 1, { total: 2 }, { contentHash: 2 })])
      await store(storage, Meter, d, [first, at(d, 0, { temperature: 7 }, { contentHash: 3 })])
      expect(await lastOf(storage, Meter, d)).toEqual({ total: [2, 1], temperature: [7, 0] })
    })

    test('invariant 4: a time that cannot be true orders nothing', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Meter)
      const impossible = (offset: number, timestamp: number, total: number) =>
        sample(Meter, d, timestamp, { total }, { orderAt: T0 + offset, receivedAt: T0 + offset })
      const last = async () => ({
        value: (await lastOf(storage, Meter, d))?.total,
        sample: (await storage.readings.latestSamples(Meter, [d]))[0]?.values[1],
        aggregates: await Promise.all(
          (['first', 'last'] as const).map(
            async (fn) =>
              (await storage.readings.aggregate(Meter, { deviceId: d, field: 'total', fn }))[0]?.result,
          ),
        ),
      })
      await store(storage, Meter, d, [impossible(1, YEAR_2106, 1)])
      expect(await last()).toEqual({ value: [1, 1], sample: 1, aggregates: [1, 1] })
      await store(storage, Meter, d, [at(d, 2, { total: 2 })])
      expect(await last()).toEqual({ value: [2, 2], sample: 2, aggregates: [1, 2] })
      await store(storage, Meter, d, [impossible(3, 12_000, 3)])
      expect(await last()).toEqual({ value: [3, 3], sample: 3, aggregates: [1, 3] })
      await store(storage, Meter, d, [at(d, 0, { total: 4 }), impossible(2, 13_000, 5)])
      expect(await last()).toEqual({ value: [3, 3], sample: 3, aggregates: [4, 3] })
      const [stored] = await storage.readings.latestSamples(Meter, [d])
      expect(stored).toMatchObject({ timestamp: 12_000, orderAt: T0 + 3 })
      const day = await storage.readings.aggregate(Meter, {
        deviceId: d,
        field: 'total',
        fn: 'last',
        interval: 'day',
      })
      expect(
        day.map(({ result }) => result),
        '1970, today, 2106',
      ).toEqual([3, 2, 1])
    })

    test('a sample that nobody knows the time of comes before all others', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Meter)
      await store(storage, Meter, d, [at(d, 5, { total: 1 }, { orderAt: 0 })])
      expect((await storage.readings.latest(Meter, [d]))[0]).toMatchObject({ orderAt: 0 })
      await store(storage, Meter, d, [at(d, -9, { total: 2 }), at(d, 6, { total: 3 }, { orderAt: 0 })])
      expect(await lastOf(storage, Meter, d)).toEqual({ total: [2, -9] })
      expect((await storage.readings.latestSamples(Meter, [d]))[0]?.values[1]).toBe(2)
    })

    test('a device that is deleted takes its last values along', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Meter)
      await store(storage, Meter, d, [at(d, 9, { temperature: 1, total: 1 })])
      await storage.devices.delete(Meter, d, T0)
      expect(await storage.readings.latest(Meter, [d])).toEqual([])
      await storage.devices.ensure(Meter, [device(Meter, d)])
      await store(storage, Meter, d, [at(d, 1, { total: 2 })])
      expect(await lastOf(storage, Meter, d)).toEqual({ total: [2, 1] })
    })

    test('two processes that write the same devices at once agree on the newest', async () => {
      const { storage, other } = shared
      const ids = Array.from({ length: 20 }, () => newId())
      const send = async (to: Storage, offsets: readonly number[]) => {
        for (const offset of offsets)
          await to.commit(
            batch(
              [...ids]
                .sort(() => Math.random() - 0.5)
                .map((id) => entry(Meter, id, [at(id, offset, { total: offset })])),
            ),
          )
      }
      await Promise.all([send(storage, [1, 6, 3, 8, 5]), send(other, [2, 7, 4, 9, 0])])
      for (const id of ids) expect(await lastOf(storage, Meter, id)).toEqual({ total: [9, 9] })
    })
  })
}

import type { AggregateFunction, Interval } from '@devicehub/core'
import type { StoredValue } from '@devicehub/core/transport'
import { describe, expect, test } from 'vitest'
import { Meter, newDevice, newId, Sensor, sample, store, T0 } from '../fixtures.js'
import { errorOf, type StorageContract, sharedStorage } from '../harness.js'
import { OF_AN_HOUR, SUMS, series } from './aggregate-series.js'

export function aggregateContract(contract: StorageContract): void {
  describe('aggregate', () => {
    const shared = sharedStorage(contract)

    const only = async (deviceId: string, field: string, fn: AggregateFunction): Promise<StoredValue> => {
      const buckets = await shared.storage.readings.aggregate(Sensor, { deviceId, field, fn })
      expect(buckets).toEqual([{ bucket: null, result: buckets[0]?.result }])
      return buckets[0]?.result ?? null
    }

    test.each(Object.entries(SUMS))(
      'by %s: calendar buckets in UTC, oldest first',
      async (interval, expected) => {
        const { storage } = shared
        const deviceId = await series(storage)
        for (const field of ['temperature', 'pulses']) {
          const query = { deviceId, field, fn: 'sum', interval: interval as Interval } as const
          const buckets = await storage.readings.aggregate(Sensor, query)
          expect(
            buckets.map(({ bucket, result }) => [new Date(bucket ?? Number.NaN).toISOString(), result]),
          ).toEqual(expected.map(([time, sum]) => [new Date(time).toISOString(), sum]))
        }
      },
    )

    test.each(Object.entries(OF_AN_HOUR))('%s, in a bucket and alone', async (fn, expected) => {
      const { storage } = shared
      const deviceId = await series(storage)
      const query = {
        deviceId,
        fn: fn as AggregateFunction,
        from: Date.parse('2025-03-30T01:00:00Z'),
        to: Date.parse('2025-03-30T02:00:00Z'),
      }
      for (const field of ['temperature', 'pulses']) {
        expect(await storage.readings.aggregate(Sensor, { ...query, field })).toEqual([
          { bucket: null, result: expected },
        ])
        for (const interval of ['hour', 'day', 'week', 'month'] as const) {
          const buckets = await storage.readings.aggregate(Sensor, { ...query, field, interval })
          expect(buckets.map(({ result }) => result)).toEqual([expected])
        }
      }
    })

    test('avg and sum of floats and integers are numbers, with fractions', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const values = [1, 2, 4]
      await store(
        storage,
        Sensor,
        deviceId,
        values.map((pulses, index) =>
          sample(Sensor, deviceId, T0 + index, { pulses, temperature: pulses / 10 }),
        ),
      )
      expect(await only(deviceId, 'pulses', 'avg')).toBeCloseTo(7 / 3, 10)
      expect(await only(deviceId, 'temperature', 'avg')).toBeCloseTo(0.7 / 3, 10)
      expect(await only(deviceId, 'temperature', 'sum')).toBeCloseTo(0.7, 10)
      expect(await only(deviceId, 'pulses', 'sum')).toBe(7)
    })

    test('large integers are not rounded by min, max, first and last, nor overflow in sum', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const most = Number.MAX_SAFE_INTEGER
      await store(
        storage,
        Sensor,
        deviceId,
        [most, most - 1, -most].map((pulses, index) => sample(Sensor, deviceId, T0 + index, { pulses })),
      )
      expect(await only(deviceId, 'pulses', 'max')).toBe(most)
      expect(await only(deviceId, 'pulses', 'min')).toBe(-most)
      expect(await only(deviceId, 'pulses', 'first')).toBe(most)
      expect(await only(deviceId, 'pulses', 'last')).toBe(-most)
      const many = Array.from({ length: 2000 }, (_, index) =>
        sample(Sensor, deviceId, T0 + 10 + index, { pulses: most }),
      )
      await store(storage, Sensor, deviceId, many)
      expect(Number(await only(deviceId, 'pulses', 'sum')) / most).toBeCloseTo(2001, 6)
    })

    test('invariant 4: first and last go by measured time, whatever the order of arrival', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      for (const offset of [30, 10, 50, 20])
        await store(storage, Sensor, deviceId, [sample(Sensor, deviceId, T0 + offset, { pulses: offset })])
      expect(await only(deviceId, 'pulses', 'first')).toBe(10)
      expect(await only(deviceId, 'pulses', 'last')).toBe(50)
    })

    test('first and last of equal times agree with the order of list; nulls do not count', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const values = [null, 1, 2, 3, null]
      for (const pulses of values)
        await store(storage, Sensor, deviceId, [sample(Sensor, deviceId, T0, { pulses })])
      await store(storage, Sensor, deviceId, [
        sample(Sensor, deviceId, T0 - 5),
        sample(Sensor, deviceId, T0 + 5),
      ])
      const { items } = await storage.readings.list(Sensor, { deviceId, order: 'asc' }, { limit: 10 })
      const listed = items.map((item) => item.values[1]).filter((value) => value !== null)
      expect(await only(deviceId, 'pulses', 'first')).toBe(listed[0])
      expect(await only(deviceId, 'pulses', 'last')).toBe(listed.at(-1))
      const day = await storage.readings.aggregate(Sensor, {
        deviceId,
        field: 'pulses',
        fn: 'last',
        interval: 'day',
      })
      expect(day.map(({ result }) => result)).toEqual([listed.at(-1)])
    })

    test.each([
      ['open', [true, null, false]],
      ['mode', ['auto', null, 'manual']],
      ['label', ['ü🌡', null, '']],
      ['calibrated_at', [T0 + 5, null, T0 - 5]],
    ] as const)('count, first and last of %s give stored values', async (field, values) => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await store(
        storage,
        Sensor,
        deviceId,
        values.map((value, index) => sample(Sensor, deviceId, T0 + index, { [field]: value })),
      )
      expect(await only(deviceId, field, 'count')).toBe(2)
      expect(await only(deviceId, field, 'first')).toBe(values[0])
      expect(await only(deviceId, field, 'last')).toBe(values[2])
    })

    test('first and last of json, geo and binary give stored values', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await store(storage, Sensor, deviceId, [
        sample(Sensor, deviceId, T0, {
          config: '{"a":[1]}',
          position: '{"lat":1,"lon":2}',
          frame: Uint8Array.of(0, 255),
        }),
        sample(Sensor, deviceId, T0 + 1),
      ])
      expect(JSON.parse(String(await only(deviceId, 'config', 'last')))).toEqual({ a: [1] })
      expect(JSON.parse(String(await only(deviceId, 'position', 'first')))).toEqual({ lat: 1, lon: 2 })
      expect(Buffer.from((await only(deviceId, 'frame', 'last')) as Uint8Array).toString('hex')).toBe('00ff')
    })

    test('min and max of a time are times', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await store(
        storage,
        Sensor,
        deviceId,
        [T0 + 1, T0 + 3, -1].map((calibrated_at, index) =>
          sample(Sensor, deviceId, T0 + index, { calibrated_at }),
        ),
      )
      expect(await only(deviceId, 'calibrated_at', 'min')).toBe(-1)
      expect(await only(deviceId, 'calibrated_at', 'max')).toBe(T0 + 3)
    })

    test('over nothing: no bucket with an interval; without one a count of 0 and null for the rest', async () => {
      const { storage } = shared
      const empty = newId()
      const nulls = await newDevice(storage, Sensor)
      await store(storage, Sensor, nulls, [sample(Sensor, nulls, T0)])
      for (const fn of ['avg', 'min', 'max', 'sum', 'first', 'last', 'count'] as const) {
        const result = fn === 'count' ? 0 : null
        const query = { field: 'temperature', fn }
        expect(await storage.readings.aggregate(Sensor, { ...query, deviceId: empty })).toEqual([
          { bucket: null, result },
        ])
        expect(
          await storage.readings.aggregate(Sensor, { ...query, deviceId: empty, interval: 'day' }),
        ).toEqual([])
        expect(await storage.readings.aggregate(Sensor, { ...query, deviceId: nulls })).toEqual([
          { bucket: null, result },
        ])
        expect(
          await storage.readings.aggregate(Sensor, { ...query, deviceId: nulls, interval: 'day' }),
        ).toEqual([{ bucket: Date.UTC(2025, 5, 16), result }])
      }
    })

    test('without a device it goes over all devices of the type', async () => {
      const { storage } = shared
      const [a, b] = [await newDevice(storage, Meter), await newDevice(storage, Meter)]
      for (const [index, deviceId] of [a, b, a].entries())
        await store(storage, Meter, deviceId, [
          sample(Meter, deviceId, T0 + index, { temperature: index + 1 }),
        ])
      const all = await storage.readings.aggregate(Meter, {
        field: 'temperature',
        fn: 'sum',
        interval: 'hour',
      })
      expect(all).toEqual([{ bucket: T0, result: 6 }])
      const one = await storage.readings.aggregate(Meter, { field: 'temperature', fn: 'sum', deviceId: a })
      expect(one).toEqual([{ bucket: null, result: 4 }])
    })

    test.each(['nope', 'TEMPERATURE', 'timestamp', 'device_id', 'constructor', '', '"; drop table x; --'])(
      'an unknown field is `invalid_query`: %s',
      async (field) => {
        await expect(shared.storage.readings.aggregate(Sensor, { field, fn: 'count' })).rejects.toEqual(
          errorOf('invalid_query'),
        )
      },
    )

    test.each(['avg', 'sum'] as const)('%s of a time is `invalid_query`', async (fn) => {
      await expect(shared.storage.readings.aggregate(Sensor, { field: 'calibrated_at', fn })).rejects.toEqual(
        errorOf('invalid_query'),
      )
    })

    test.each(['avg', 'sum', 'min', 'max'] as const)('%s of a text is `invalid_query`', async (fn) => {
      for (const field of ['label', 'mode', 'config', 'frame', 'position'])
        await expect(shared.storage.readings.aggregate(Sensor, { field, fn })).rejects.toEqual(
          errorOf('invalid_query'),
        )
    })
  })
}

import { type AnyDeviceType, defineDeviceType, reading } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { batch, device, entry, messagesOf, sample, samplesOf, store, T0 } from '../fixtures.js'
import { freshStorage, type StorageContract } from '../harness.js'

const DAY = 86_400_000

export function retentionContract(contract: StorageContract): void {
  describe('retention', () => {
    const readings = { a: reading.float() }
    const Both = defineDeviceType('ContractBoth', {
      readings,
      retention: { readings: 86_400, messages: 3600 },
    })
    const Readings = defineDeviceType('ContractReadings', { readings, retention: { readings: 60 } })
    const Keeping = defineDeviceType('ContractKeeping', { readings })
    const types = [Both, Readings, Keeping]

    test('deletes rows older than the limit of the type, to the millisecond, and counts them', async () => {
      await using opened = await freshStorage(contract, types)
      const { storage } = opened
      const ages = [
        0,
        59_999,
        60_000,
        60_001,
        3_599_999,
        3_600_000,
        3_600_001,
        DAY - 1,
        DAY,
        DAY + 1,
        400 * DAY,
      ]
      for (const type of types) {
        await storage.devices.ensure(type, [device(type, 'd', { createdAt: 0, lastSeen: 0 })])
        await storage.commit(
          batch(
            ages.map((age) =>
              entry(
                type,
                'd',
                [
                  sample(
                    type,
                    'd',
                    T0 - 7 * age,
                    { a: age },
                    { receivedAt: T0 - age, sampleId: `s${age}`, contentHash: age },
                  ),
                ],
                {
                  receivedAt: T0 - age,
                },
              ),
            ),
          ),
        )
      }
      await storage.commit(batch(ages.map((age) => entry(null, 'd', [], { receivedAt: T0 - age }))))

      expect(await storage.applyRetention(T0)).toEqual({ readings: 2 + 8, messages: 5 })
      const left = async (type: AnyDeviceType) => ({
        readings: (await samplesOf(storage, type, 'd')).map(({ receivedAt }) => T0 - receivedAt).reverse(),
        messages: (await messagesOf(storage, type, 'd')).map(({ receivedAt }) => T0 - receivedAt).reverse(),
      })
      expect(await left(Both)).toEqual({ readings: ages.slice(0, 9), messages: ages.slice(0, 6) })
      expect(await left(Readings)).toEqual({ readings: ages.slice(0, 3), messages: ages })
      expect(await left(Keeping)).toEqual({ readings: ages, messages: ages })
      expect(await messagesOf(storage, null, 'd'), 'messages of no type have no retention').toHaveLength(
        ages.length,
      )
      for (const type of types) expect(await storage.devices.find(type, ['d'])).toHaveLength(1)
      expect(await storage.applyRetention(T0)).toEqual({ readings: 0, messages: 0 })
    })

    test('remaining samples keep their identity and can be read as before', async () => {
      await using opened = await freshStorage(contract, types)
      const { storage } = opened
      await storage.devices.ensure(Readings, [device(Readings, 'd')])
      const at = (age: number) =>
        sample(
          Readings,
          'd',
          T0 - age,
          { a: age },
          { receivedAt: T0 - age, sampleId: `s${age}`, contentHash: age },
        )
      await store(storage, Readings, 'd', [at(100_000), at(50_000), at(10)])
      await storage.applyRetention(T0)
      expect(await store(storage, Readings, 'd', [at(50_000), at(10)])).toMatchObject({ duplicates: [2] })
      expect((await storage.readings.latestSamples(Readings, ['d']))[0]?.timestamp).toBe(T0 - 10)
      expect(await storage.readings.aggregate(Readings, { field: 'a', fn: 'max' })).toEqual([
        { bucket: null, result: 50_000 },
      ])
    })

    test('it goes by the received time, not by the measured time', async () => {
      await using opened = await freshStorage(contract, types)
      const { storage } = opened
      await storage.devices.ensure(Readings, [device(Readings, 'd')])
      const one = (a: number, measured: number, received: number) =>
        sample(Readings, 'd', measured, { a }, { receivedAt: received })
      // A clock that starts in 1970, a backfill of last year, a clock of 2106; then what is old by any clock.
      await store(storage, Readings, 'd', [
        one(1, 12_000, T0 - 10),
        one(2, T0 - 400 * DAY, T0 - 10),
        one(3, Date.UTC(2106, 1, 7), T0 - 100_000),
        one(4, T0 - 100_000, T0 - 100_000),
        one(5, T0 - 10, T0 - 10),
      ])
      expect(await storage.applyRetention(T0)).toEqual({ readings: 2, messages: 0 })
      expect((await samplesOf(storage, Readings, 'd')).map(({ values }) => values[0])).toEqual([1, 2, 5])
    })

    test('a last value outlives its sample; the latest sample is a remaining one', async () => {
      await using opened = await freshStorage(contract, types)
      const { storage } = opened
      await storage.devices.ensure(Readings, [device(Readings, 'd')])
      const one = (a: number, measured: number, received: number) =>
        sample(Readings, 'd', measured, { a }, { receivedAt: received })
      await store(storage, Readings, 'd', [one(1, T0 - 100_000, T0 - 100_000)])
      await storage.applyRetention(T0)
      const last = async () => (await storage.readings.latest(Readings, ['d']))[0]?.values
      expect(await last()).toEqual([{ value: 1, at: T0 - 100_000 }])
      expect(await storage.readings.latestSamples(Readings, ['d'])).toEqual([])
      await store(storage, Readings, 'd', [one(2, T0 - 200_000, T0), one(3, T0 - 300_000, T0)])
      expect(await last()).toEqual([{ value: 1, at: T0 - 100_000 }])
      expect((await storage.readings.latestSamples(Readings, ['d']))[0]?.values).toEqual([2])
    })

    test('invariant 2: the remaining sample of a reused id is still recognised', async () => {
      await using opened = await freshStorage(contract, types)
      const { storage } = opened
      await storage.devices.ensure(Readings, [device(Readings, 'd')])
      const one = (a: number, received: number) =>
        sample(Readings, 'd', received, { a }, { receivedAt: received, sampleId: 'mac', contentHash: a })
      for (const [a, age] of [
        [1, 90_000],
        [2, 70_000],
        [3, 50_000],
        [4, 10],
      ] as const)
        await store(storage, Readings, 'd', [one(a, T0 - age)])
      expect(await storage.applyRetention(T0)).toEqual({ readings: 2, messages: 0 })
      // A batch without any known id in between, so that nothing is looked up that need not be.
      await store(storage, Readings, 'e', [sample(Readings, 'e', T0, { a: 1 }, { receivedAt: T0 })])
      expect(await store(storage, Readings, 'd', [one(3, T0)])).toMatchObject({ duplicates: [1] })
      expect(await store(storage, Readings, 'd', [one(4, T0)])).toMatchObject({ duplicates: [1] })
      expect(await samplesOf(storage, Readings, 'd')).toHaveLength(2)
    })

    test('many rows are deleted in steps; rows out of order are deleted with their neighbours', async () => {
      await using opened = await freshStorage(contract, types)
      const { storage } = opened
      const rows = (count: number, age: number) =>
        Array.from({ length: count }, (_, index) =>
          sample(Readings, `d${index % 7}`, T0 - index, { a: index }, { receivedAt: T0 - age }),
        )
      for (const some of [rows(7_000, 100_000), rows(6_000, 0), rows(10, 100_000)])
        await store(storage, Readings, 'd', some)
      const left = async () => (await storage.readings.list(Readings, {}, { limit: 20_000 })).items.length
      await storage.applyRetention(T0)
      expect(await left()).toBeGreaterThanOrEqual(6_000)
      expect(await left()).toBeLessThanOrEqual(6_010)
      await storage.applyRetention(T0 + 60_001)
      expect(await left()).toBe(0)
    })

    test('messages of no type are deleted where a time for them is given', async () => {
      await using opened = await freshStorage(contract, types)
      const { storage } = opened
      for (const type of [null, Keeping])
        await storage.commit(batch([3, 2, 1].map((age) => entry(type, 'd', [], { receivedAt: T0 - age }))))
      expect(await storage.applyRetention(T0, { unroutedBefore: T0 - 1 })).toEqual({
        readings: 0,
        messages: 2,
      })
      expect((await messagesOf(storage, null, 'd')).map(({ receivedAt }) => receivedAt)).toEqual([T0 - 1])
      expect(await messagesOf(storage, Keeping, 'd')).toHaveLength(3)
    })

    test('what is not deleted after a stop is deleted by the next run', async () => {
      await using opened = await freshStorage(contract, types)
      const { storage } = opened
      const rows = Array.from({ length: 11_000 }, (_, index) =>
        sample(Readings, `d${index % 7}`, T0 - index, { a: index }, { receivedAt: T0 - 100_000 }),
      )
      await store(storage, Readings, 'd', rows)
      const left = async () => (await storage.readings.list(Readings, {}, { limit: 20_000 })).items.length
      const took: number[] = []
      const stop = async (tookMs: number) => {
        took.push(tookMs)
        return false
      }
      const first = await storage.applyRetention(T0, { pause: stop })
      expect(await left()).toBe(11_000 - first.readings)
      // A storage that deletes all at once need not ask.
      if (took.length > 0) expect(first.readings).toBeLessThan(11_000)
      expect(took.length).toBeLessThanOrEqual(1)
      for (const tookMs of took) expect(tookMs).toBeGreaterThanOrEqual(0)
      const second = await storage.applyRetention(T0)
      expect(first.readings + second.readings).toBe(11_000)
      expect(await left()).toBe(0)
    })

    test('on an empty database it deletes nothing', async () => {
      await using opened = await freshStorage(contract, types)
      expect(await opened.storage.applyRetention(T0)).toEqual({ readings: 0, messages: 0 })
    })
  })
}

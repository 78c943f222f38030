import { type AnyDeviceType, defineDeviceType, reading } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { batch, device, entry, messagesOf, sample, samplesOf, store, T0 } from './fixtures.js'
import { freshStorage, type StorageContract } from './harness.js'

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

    test('deletes what is older than each type says, to the millisecond, and counts it', async () => {
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
                [sample(type, 'd', T0 - age, { a: age }, { receivedAt: T0, sampleId: `s${age}` })],
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
        readings: (await samplesOf(storage, type, 'd')).map(({ timestamp }) => T0 - timestamp).reverse(),
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

    test('what is left keeps its identity and can be read as before', async () => {
      await using opened = await freshStorage(contract, types)
      const { storage } = opened
      await storage.devices.ensure(Readings, [device(Readings, 'd')])
      const at = (age: number) => sample(Readings, 'd', T0 - age, { a: age }, { sampleId: `s${age}` })
      await store(storage, Readings, 'd', [at(100_000), at(50_000), at(10)])
      await storage.applyRetention(T0)
      expect(await store(storage, Readings, 'd', [at(50_000), at(10)])).toMatchObject({ duplicates: [2] })
      expect((await storage.readings.latest(Readings, ['d']))[0]?.timestamp).toBe(T0 - 10)
      expect(await storage.readings.aggregate(Readings, { field: 'a', fn: 'max' })).toEqual([
        { bucket: null, result: 50_000 },
      ])
    })

    test('on an empty database it deletes nothing', async () => {
      await using opened = await freshStorage(contract, types)
      expect(await opened.storage.applyRetention(T0)).toEqual({ readings: 0, messages: 0 })
    })
  })
}

import type { AggregateFunction } from '@devicehub/core'
import type { StoredValue } from '@devicehub/core/transport'
import { describe, expect, test } from 'vitest'
import { newDevice, Sensor, sample, store, T0 } from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'

const MOST = Number.MAX_VALUE

/** Values, then their average and sum; null: no double holds the sum. */
const CASES: readonly (readonly [string, readonly number[], number, number | null])[] = [
  ['one large value beside ordinary ones', [1e160, 1, 2], 1e160 / 3, 1e160],
  ['a sum that no double holds', [1.7e308, 1.7e308], 1.7e308, null],
  ['the same below zero', [-1.7e308, -1.7e308, -1.7e308], -1.7e308, null],
  ['the greatest double, several times', Array(7).fill(MOST), MOST, null],
  ['large values that cancel out', [1.7e308, 1.7e308, -1.7e308, -1.7e308], 0, 0],
  ['a sum that only its parts overflow', [1.7e308, 1e308, -1.7e308], 1e308 / 3, 1e308],
  ['large values and one that is not', [1.5e308, 1.5e308, -1.5e308, 1e289], 1.5e308 / 4, 1.5e308],
  ['tiny values', [1e-310, 3e-310], 2e-310, 4e-310],
]

/** One value out of range neither fails an aggregate nor makes it differ between storages. */
export function aggregateOverflowContract(contract: StorageContract): void {
  describe('aggregate of large values', () => {
    const shared = sharedStorage(contract)

    test.each(CASES)('%s', async (_, values, average, total) => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await store(
        storage,
        Sensor,
        deviceId,
        values.map((temperature, index) => sample(Sensor, deviceId, T0 + index, { temperature })),
      )
      const of = async (fn: AggregateFunction): Promise<StoredValue> => {
        const query = { deviceId, field: 'temperature', fn }
        const [alone] = await storage.readings.aggregate(Sensor, query)
        const [day] = await storage.readings.aggregate(Sensor, { ...query, interval: 'day' })
        expect(day?.result).toBe(alone?.result)
        return alone?.result ?? null
      }
      expectNear(await of('avg'), average)
      expectNear(await of('sum'), total)
      expect(await of('max')).toBe(Math.max(...values))
      expect(await of('min')).toBe(Math.min(...values))
    })
  })
}

/** Storages add in their own order. */
function expectNear(actual: StoredValue, expected: number | null): void {
  if (expected === null || expected === 0) expect(actual).toBe(expected)
  else expect(Math.abs(Number(actual) / expected - 1), `${actual} is ${expected}`).toBeLessThan(1e-12)
}

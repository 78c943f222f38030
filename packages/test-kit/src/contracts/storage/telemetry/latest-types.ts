import { type AnyDeviceType, defineDeviceType, reading } from '@devicehub/core'
import type { NewSample } from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'
import { describe, expect, test } from 'vitest'
import { newDevice, sample, samplesOf, store, T0 } from '../fixtures.js'
import { freshStorage, type StorageContract } from '../harness.js'
import { lastOf, YEAR_2106 } from './latest-fixtures.js'

export function latestTypeContract(contract: StorageContract): void {
  describe('last values of types that differ', () => {
    test('of a type that keeps none they are searched in the samples there are', async () => {
      const day = 86_400
      const Unkept: AnyDeviceType = defineDeviceType('ContractUnkept', {
        lastValues: false,
        retention: { readings: day },
        readings: { temperature: reading.float(), note: reading.string(), open: reading.boolean() },
      })
      await using opened = await freshStorage(contract, [Unkept])
      const { storage } = opened
      const d = await newDevice(storage, Unkept)
      const silent = await newDevice(storage, Unkept)
      const one = (offset: number, values: Record<string, StoredValue>, more: Partial<NewSample> = {}) =>
        sample(Unkept, d, T0 + offset, values, more)
      await store(storage, Unkept, d, [one(1, { temperature: 21, open: false }, { receivedAt: T0 - 5 })])
      await store(storage, Unkept, d, [
        one(3, { note: 'x' }),
        one(3, { note: 'y' }),
        one(2, { note: 'late' }),
      ])
      expect(await storage.readings.latest(Unkept, [silent, d, d])).toEqual([
        {
          deviceId: d,
          orderAt: T0 + 3,
          values: [
            { value: 21, at: T0 + 1 },
            { value: 'y', at: T0 + 3 },
            { value: false, at: T0 + 1 },
          ],
        },
      ])
      await store(storage, Unkept, d, [
        sample(Unkept, d, YEAR_2106, { temperature: 1 }, { orderAt: T0 + 2 }),
        sample(Unkept, d, 12_000, { note: 'boot' }, { orderAt: T0 }),
      ])
      expect(await lastOf(storage, Unkept, d)).toEqual({
        temperature: [1, 2],
        note: ['y', 3],
        open: [false, 1],
      })
      expect((await storage.readings.latestSamples(Unkept, [d]))[0]?.values[1]).toBe('y')
      expect((await storage.applyRetention(T0 - 1 + day * 1000)).readings).toBe(1)
      expect(await lastOf(storage, Unkept, d)).toEqual({ temperature: [1, 2], note: ['y', 3] })
      await storage.devices.delete(Unkept, d, T0)
      expect(await storage.readings.latest(Unkept, [d])).toEqual([])
    })

    test.runIf(contract.capabilities.secondStorage)(
      'a type that gains and loses readings, and widens one, keeps the last values it can keep',
      async () => {
        const Before = defineDeviceType('ContractEvolving', {
          readings: { temperature: reading.float(), gone: reading.integer(), count: reading.integer() },
        })
        const After: AnyDeviceType = defineDeviceType('ContractEvolving', {
          readings: {
            added: reading.string(),
            temperature: reading.float(),
            count: reading.float(),
          },
        })
        await using opened = await freshStorage(contract, [Before])
        const d = await newDevice(opened.storage, Before)
        await store(opened.storage, Before, d, [
          sample(Before, d, T0, { temperature: 1.5, gone: 2, count: 3 }),
        ])
        const after = await opened.second([After])
        await after.migrate()
        expect(await after.plan()).toEqual({ steps: [] })
        expect(await lastOf(after, After, d)).toEqual({ temperature: [1.5, 0], count: [3, 0] })
        await store(after, After, d, [sample(After, d, T0 - 5, { temperature: 9, added: 'x', count: 0.5 })])
        expect(await lastOf(after, After, d)).toEqual({
          temperature: [1.5, 0],
          count: [3, 0],
          added: ['x', -5],
        })
        expect(await samplesOf(after, After, d)).toHaveLength(2)
      },
    )
  })
}

import type { AggregateFunction, Storage } from '@devicehub/core'
import { BUCKETS_MAX } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { batch, entry, newDevice, Sensor, sample, store, T0 } from '../fixtures.js'
import { errorOf, type StorageContract, sharedStorage } from '../harness.js'

const MINUTE = 60_000
const MB = 1 << 20
/** Samples of one message. */
const PART = 500

/** Invariant 5: an aggregate answers so many buckets and bytes, however many samples there are. */
export function aggregateBoundsContract(contract: StorageContract): void {
  describe('aggregate bounds', () => {
    const shared = sharedStorage(contract)

    test('more buckets than an answer may have are `invalid_query`, whatever is computed', async () => {
      const { storage } = shared
      const deviceId = await everyMinute(storage, BUCKETS_MAX + 1)
      for (const fn of ['avg', 'count', 'max', 'last'] as AggregateFunction[]) {
        const query = { deviceId, field: 'pulses', fn, interval: 'minute' } as const
        await expect(storage.readings.aggregate(Sensor, query)).rejects.toEqual(errorOf('invalid_query'))
        const all = await storage.readings.aggregate(Sensor, { ...query, from: T0 + MINUTE })
        expect(all.length).toBe(BUCKETS_MAX)
        const hours = await storage.readings.aggregate(Sensor, { ...query, interval: 'hour' })
        expect(hours.length).toBe(Math.ceil((BUCKETS_MAX + 1) / 60))
      }
    })

    test('first and last of long values that are too many bytes together are `invalid_query`', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const config = JSON.stringify('x'.repeat(MB - 2))
      for (let index = 0; index < 17; index++)
        await store(storage, Sensor, deviceId, [
          sample(Sensor, deviceId, T0 + index * MINUTE, { config, frame: new Uint8Array(MB) }),
        ])
      for (const field of ['config', 'frame'])
        for (const fn of ['first', 'last'] as const) {
          const query = { deviceId, field, fn, interval: 'minute' } as const
          await expect(storage.readings.aggregate(Sensor, query)).rejects.toEqual(errorOf('invalid_query'))
          const some = await storage.readings.aggregate(Sensor, { ...query, from: T0 + 3 * MINUTE })
          expect(some.map(({ result }) => (result as string | Uint8Array).length)).toEqual(Array(14).fill(MB))
          const count = await storage.readings.aggregate(Sensor, { ...query, fn: 'count' })
          expect(count.length).toBe(17)
        }
    })
  })
}

/** A new device with a sample in each of so many minutes. */
async function everyMinute(storage: Storage, minutes: number): Promise<string> {
  const deviceId = await newDevice(storage, Sensor)
  const samples = Array.from({ length: minutes }, (_, index) =>
    sample(Sensor, deviceId, T0 + index * MINUTE, { pulses: index }),
  )
  for (let start = 0; start < minutes; start += 4 * PART) {
    const messages = [0, 1, 2, 3].map((part) => start + part * PART)
    await storage.commit(
      batch(messages.map((from) => entry(Sensor, deviceId, samples.slice(from, from + PART)))),
    )
  }
  return deviceId
}

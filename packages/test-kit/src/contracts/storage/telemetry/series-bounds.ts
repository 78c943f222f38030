import type { SeriesFunction, Storage } from '@devicehub/core'
import { BUCKETS_MAX, type SeriesQuery } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { newDevice, Sensor, sample, store, T0 } from '../fixtures.js'
import { errorOf, type StorageContract, sharedStorage } from '../harness.js'

const MB = 1 << 20
const MINUTE = 60_000
const LARGE = Number.MAX_VALUE

/** Invariant 5: a series answers so many buckets and bytes. No value makes one fail. */
export function seriesBoundsContract(contract: StorageContract): void {
  describe('series bounds', () => {
    const shared = sharedStorage(contract)
    const asked = (
      storage: Storage,
      deviceIds: readonly string[],
      fns: readonly SeriesFunction[],
      more: Partial<SeriesQuery> = {},
    ) =>
      storage.readings.series(Sensor, {
        devices: { deviceIds },
        groupBy: 'device',
        figures: fns.map((fn) => ({ field: 'temperature', fn })),
        edges: [T0, T0 + 10 * MINUTE],
        now: T0 + 10 * MINUTE,
        ...more,
      })

    test('more buckets in all than an answer may have are `invalid_query`', async () => {
      const { storage } = shared
      const ids: string[] = []
      for (let count = 0; count < 3; count++) {
        const deviceId = await newDevice(storage, Sensor)
        ids.push(deviceId)
        await store(storage, Sensor, deviceId, [sample(Sensor, deviceId, T0, { temperature: 5 })])
      }
      // One value that holds in every bucket: few samples make many of them.
      const edges = Array.from({ length: BUCKETS_MAX / 2 + 1 }, (_, index) => T0 + index)
      const query = { edges, now: T0 + BUCKETS_MAX }
      const found = await asked(storage, ids.slice(0, 2), ['timeAvg'], query)
      expect(found.length).toBe(BUCKETS_MAX)
      await expect(asked(storage, ids, ['timeAvg'], query)).rejects.toEqual(errorOf('invalid_query'))
      const all = await asked(storage, ids, ['timeAvg'], { ...query, groupBy: 'all' })
      expect(all.length).toBe(BUCKETS_MAX / 2)
    })

    test('first and last of long values that are too many bytes together are `invalid_query`', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const config = JSON.stringify('x'.repeat(MB - 2))
      for (let index = 0; index < 17; index++)
        await store(storage, Sensor, deviceId, [
          sample(Sensor, deviceId, T0 + index * MINUTE, { config, frame: new Uint8Array(MB) }),
        ])
      const edges = Array.from({ length: 18 }, (_, index) => T0 + index * MINUTE)
      for (const field of ['config', 'frame'])
        for (const fn of ['first', 'last'] as const) {
          const query = { figures: [{ field, fn }], edges }
          await expect(asked(storage, [deviceId], [], query)).rejects.toEqual(errorOf('invalid_query'))
          const some = await asked(storage, [deviceId], [], { ...query, edges: edges.slice(3) })
          expect(some.map(({ values }) => (values[0] as string | Uint8Array).length)).toEqual(
            Array(14).fill(MB),
          )
        }
    })

    test('values at the end of what a double holds: an average fits, a sum or a rise beyond it is null', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await store(
        storage,
        Sensor,
        deviceId,
        [LARGE, LARGE, LARGE].map((temperature, index) =>
          sample(Sensor, deviceId, T0 + index * MINUTE, { temperature }),
        ),
      )
      const fns: SeriesFunction[] = ['avg', 'sum', 'min', 'max', 'p50', 'p95', 'delta', 'count']
      const [row] = await asked(storage, [deviceId], fns)
      expect(row?.values).toEqual([LARGE, null, LARGE, LARGE, LARGE, LARGE, 0, 3])
      const [held] = await asked(storage, [deviceId], ['timeAvg'])
      expect((held?.values[0] as number) / LARGE).toBeCloseTo(1, 12)
      const other = await newDevice(storage, Sensor)
      const samples = [-LARGE, LARGE].map((temperature, index) =>
        sample(Sensor, other, T0 + index * MINUTE, { temperature }),
      )
      await store(storage, Sensor, other, samples)
      const [opposite] = await asked(storage, [other], ['avg', 'sum', 'min', 'max', 'p50', 'delta'])
      expect(opposite?.values).toEqual([0, 0, -LARGE, LARGE, null, null])
    })

    test('a reading that is not declared, or has no such figure, is `invalid_query`', async () => {
      const { storage } = shared
      for (const [field, fn] of [
        ['nothing', 'count'],
        ['label', 'avg'],
        ['open', 'max'],
        ['calibrated_at', 'p50'],
        ['config', 'timeAvg'],
        ['label', 'delta'],
      ] as const)
        await expect(asked(storage, ['a'], [], { figures: [{ field, fn }] })).rejects.toEqual(
          errorOf('invalid_query'),
        )
      for (const edges of [[], [T0], [T0, T0], [T0 + 1, T0], Array(BUCKETS_MAX + 2).fill(T0)])
        await expect(asked(storage, ['a'], ['count'], { edges })).rejects.toEqual(errorOf('invalid_query'))
    })
  })
}

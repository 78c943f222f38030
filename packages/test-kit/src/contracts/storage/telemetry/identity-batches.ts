import type { NewSample } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import {
  batch,
  change,
  entry,
  messagesOf,
  newDevice,
  Sensor,
  sample,
  samplesOf,
  statusesOf,
  store,
  T0,
} from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'
import { allNew, duplicate, flagsOf, untimed, withHash, withId } from './identity-fixtures.js'

export function identityBatchContract(contract: StorageContract): void {
  describe('identity of samples in batches', () => {
    const shared = sharedStorage(contract)

    test('invariant 2: one id with several contents in one batch: the first is stored, the others are flagged', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const result = await storage.commit(
        batch([
          entry(Sensor, d, [untimed(d, 'x', T0, 1), untimed(d, 'x', T0, 2), untimed(d, 'y', T0, 9)]),
          entry(null, d),
          entry(Sensor, d, [untimed(d, 'x', T0 + 1, 1)]),
          entry(Sensor, d, [untimed(d, 'x', T0 + 2, 3)]),
        ]),
      )
      expect(result).toEqual(
        expect.objectContaining({
          duplicates: [0, 0, 1, 0],
          duplicateSamples: new Map([[2, [0]]]),
          reusedIds: new Map([
            [0, [1]],
            [3, [0]],
          ]),
        }),
      )
      expect(new Map((await flagsOf(storage, d)) as [number, string | null][])).toEqual(
        new Map([
          [1, null],
          [2, 'id_reused'],
          [9, null],
          [3, 'id_reused'],
        ]),
      )
      expect(await store(storage, Sensor, d, [untimed(d, 'x', T0 + 5, 2)])).toMatchObject({ duplicates: [1] })
      expect(await store(storage, Sensor, d, [untimed(d, 'x', T0 + 6, 4)])).toMatchObject({
        reusedIds: new Map([[0, [0]]]),
      })
    })

    test('a reused id in a batch with commands and changes is reported at its entry', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      await store(storage, Sensor, d, [withId(d, 'a')])
      const result = await storage.commit(
        batch([entry(Sensor, d), entry(Sensor, d, [withId(d, 'a', T0, 2)])], {
          changes: [change(Sensor, d, T0, { status: { value: 'online' } })],
        }),
      )
      expect(result.reusedIds).toEqual(new Map([[1, [0]]]))
      expect(result.transitions).toHaveLength(1)
    })

    test('invariant 2: twice in one message is stored once', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const result = await store(storage, Sensor, d, [
        withId(d, 'a', T0, 1),
        withId(d, 'b', T0, 2),
        withId(d, 'a', T0, 1),
        withHash(d, 9),
        withHash(d, 9),
        withId(d, 'a', T0, 1),
      ])
      expect(result).toEqual(duplicate([3], [[0, [2, 4, 5]]]))
      expect((await samplesOf(storage, Sensor, d)).map((s) => s.values[0]).sort()).toEqual([1, 1, 2])
      const [message] = await messagesOf(storage, Sensor, d)
      expect(message).toMatchObject({ status: 'processed', code: null })
      expect(message?.reason).toMatch(
        /^3 of 6 samples were stored before, .* the id "a" \(twice in this message\); the time /,
      )
    })

    test('invariant 2: twice in one batch: the second message is the duplicate', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const result = await storage.commit(
        batch([
          entry(Sensor, d, [withId(d, 'a', T0, 1)]),
          entry(null, d),
          entry(Sensor, d, [withId(d, 'a', T0, 1)]),
          entry(Sensor, d, [withId(d, 'a', T0, 1), withId(d, 'b', T0 + 9, 4)]),
        ]),
      )
      expect(result).toEqual(
        duplicate(
          [0, 0, 1, 1],
          [
            [2, [0]],
            [3, [0]],
          ],
        ),
      )
      expect((await samplesOf(storage, Sensor, d)).map((s) => s.values[0])).toEqual([1, 4])
      expect(await statusesOf(storage, Sensor, d)).toEqual(['processed', 'duplicate', 'processed'])
      expect((await messagesOf(storage, Sensor, d)).map(({ reason }) => reason).reverse()).toEqual([
        null,
        'the sample was stored before, with the same content and the id "a"',
        '1 of 2 samples were stored before, with the same content and the id "a"',
      ])
    })

    test('invariant 2: of a partly stored backfill only the rest is stored', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const all = Array.from({ length: 10 }, (_, index) => withId(d, `n${index}`, T0 + index, index))
      const some = (...indexes: number[]) => indexes.map((index) => all[index] as NewSample)
      await store(storage, Sensor, d, some(1, 4, 5))
      expect(await store(storage, Sensor, d, all)).toEqual(duplicate([3], [[0, [1, 4, 5]]]))
      expect(await store(storage, Sensor, d, all)).toMatchObject({ duplicates: [10] })
      expect((await samplesOf(storage, Sensor, d)).map((s) => s.values[0])).toEqual([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
      ])
      expect(await statusesOf(storage, Sensor, d)).toEqual(['processed', 'processed', 'duplicate'])
    })

    test('invariant 2: samples with and without identity: a message is a duplicate only when all of it was stored', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const anonymous = sample(Sensor, d, T0, { temperature: 5 })
      await store(storage, Sensor, d, [withId(d, 'a')])
      expect(await store(storage, Sensor, d, [anonymous, withId(d, 'a')])).toEqual(duplicate([1], [[0, [1]]]))
      expect(await statusesOf(storage, Sensor, d)).toEqual(['processed', 'processed'])
      expect(await samplesOf(storage, Sensor, d)).toHaveLength(2)
    })

    test('invariant 2: a whole batch sent again stores nothing but audit rows', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const again = batch(
        Array.from({ length: 200 }, (_, index) =>
          entry(Sensor, d, [index % 2 ? withId(d, `i${index}`) : withHash(d, index)]),
        ),
      )
      expect(await storage.commit(again)).toEqual(allNew)
      expect(await storage.commit(again)).toMatchObject({ duplicates: Array.from({ length: 200 }, () => 1) })
      expect(await samplesOf(storage, Sensor, d)).toHaveLength(200)
      expect((await statusesOf(storage, Sensor, d)).filter((status) => status === 'duplicate')).toHaveLength(
        200,
      )
    })

    test('invariant 2: the same samples committed by two processes at once, in opposite orders, are stored once', async () => {
      const { storage, other } = shared
      const d = await newDevice(storage, Sensor)
      for (let round = 0; round < 10; round++) {
        const samples = Array.from({ length: 40 }, (_, i) =>
          i % 2 ? withId(d, `r${round}-${i}`, T0 + round) : withHash(d, i, T0 + 1000 + round),
        )
        const messages = samples.map((one) => entry(Sensor, d, [one]))
        const results = await Promise.all([
          storage.commit(batch(messages)),
          other.commit(batch([...messages].reverse())),
          store(storage, Sensor, d, samples),
          store(other, Sensor, d, [...samples].reverse()),
        ])
        const found = results
          .flatMap(({ duplicates }) => duplicates ?? [])
          .reduce((sum, count) => sum + count, 0)
        expect(found).toBe(3 * samples.length)
      }
      expect(await samplesOf(storage, Sensor, d)).toHaveLength(400)
    })
  })
}

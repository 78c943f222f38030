import { describe, expect, test } from 'vitest'
import {
  batch,
  entry,
  hashOf,
  Meter,
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

export function identityContract(contract: StorageContract): void {
  describe('identity of samples', () => {
    const shared = sharedStorage(contract)
    test('invariant 2: the same id with the same content is stored once', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      expect(await store(storage, Sensor, d, [withId(d, 'a', T0, 1)])).toEqual(allNew)
      expect(await store(storage, Sensor, d, [withId(d, 'a', T0, 1)])).toEqual(duplicate([1], [[0, [0]]]))
      expect(await flagsOf(storage, d)).toEqual([[1, null]])
      expect(await statusesOf(storage, Sensor, d)).toEqual(['processed', 'duplicate'])
    })

    test('invariant 2: an id without a time of its own is stored once, whenever it comes', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      await store(storage, Sensor, d, [untimed(d, 'a', T0, 1)])
      expect(await store(storage, Sensor, d, [untimed(d, 'a', T0 + 86_400_000 * 40, 1)])).toEqual(
        duplicate([1], [[0, [0]]]),
      )
      expect(await flagsOf(storage, d)).toEqual([[1, null]])
    })

    test('invariant 2: a known id with another time or content is another sample, and flagged', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      await store(storage, Sensor, d, [withId(d, 'a', T0, 1)])
      const reused = expect.objectContaining({ duplicates: null, reusedIds: new Map([[0, [0]]]) })
      expect(await store(storage, Sensor, d, [withId(d, 'a', T0 + 1, 1)])).toEqual(reused)
      expect(await store(storage, Sensor, d, [withId(d, 'a', T0 + 1, 2)])).toEqual(reused)
      expect(
        await store(storage, Sensor, d, [{ ...withId(d, 'a', T0 + 2, 3), flags: 'clock_skew' }]),
      ).toEqual(reused)
      expect(await flagsOf(storage, d)).toEqual([
        [1, null],
        [1, 'id_reused'],
        [2, 'id_reused'],
        [3, 'clock_skew id_reused'],
      ])
      expect((await messagesOf(storage, Sensor, d)).map(({ flags }) => flags)).toEqual([
        'id_reused',
        'id_reused',
        'id_reused',
        null,
      ])
      expect(await statusesOf(storage, Sensor, d)).toEqual(Array(4).fill('processed'))
    })

    test('invariant 2: of a device with one id for everything, each sample is stored once', async () => {
      const { storage, other } = shared
      const d = await newDevice(storage, Sensor)
      const all = Array.from({ length: 30 }, (_, index) => untimed(d, 'mac', T0 + index, index))
      for (const [index, one] of all.entries()) await store(index % 2 ? storage : other, Sensor, d, [one])
      expect(await samplesOf(storage, Sensor, d)).toHaveLength(30)
      // In any order, in one message, in one batch, long after.
      for (const one of [...all].reverse())
        expect(await store(storage, Sensor, d, [{ ...one, timestamp: T0 + 9_000_000 }])).toMatchObject({
          duplicates: [1],
          reusedIds: null,
        })
      expect(await store(storage, Sensor, d, all)).toMatchObject({ duplicates: [30] })
      expect(await storage.commit(batch(all.map((one) => entry(Sensor, d, [one]))))).toMatchObject({
        duplicates: Array(30).fill(1),
      })
      expect((await flagsOf(storage, d)).map(([, flags]) => flags)).toEqual([
        null,
        ...Array(29).fill('id_reused'),
      ])
    })

    test('invariant 2: an id may hold what a database or a list of values gives a meaning', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const ids = [
        'NULL',
        'a,b',
        '{a}',
        '"',
        '\\',
        "it's",
        '\x1f',
        '\x1e',
        'a\nb',
        '%',
        '?',
        '$1',
        ' a ',
        'ü🌡',
      ]
      const all = ids.map((id, index) => withId(d, id, T0 + index, index))
      await store(storage, Sensor, d, all)
      expect(await store(storage, Sensor, d, all)).toMatchObject({
        duplicates: [ids.length],
        reusedIds: null,
      })
      const others = ids.map((id, index) => withId(d, id, T0 + index, 100 + index))
      const result = await store(storage, Sensor, d, others)
      expect([...(result.reusedIds?.get(0) ?? [])]).toEqual(ids.map((_, index) => index))
      expect(await store(storage, Sensor, d, [...others, ...all])).toMatchObject({
        duplicates: [2 * ids.length],
      })
      expect(await samplesOf(storage, Sensor, d)).toHaveLength(2 * ids.length)
    })

    test('invariant 2: without an id, measured time and content together are the identity', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      expect(await store(storage, Sensor, d, [withHash(d, 77)])).toEqual(allNew)
      expect(await store(storage, Sensor, d, [withHash(d, 77)])).toEqual(duplicate([1], [[0, [0]]]))
      expect(await store(storage, Sensor, d, [withHash(d, 78)])).toEqual(allNew)
      expect(await store(storage, Sensor, d, [withHash(d, 77, T0 + 1)])).toEqual(allNew)
      expect(await store(storage, Sensor, d, [withHash(d, Number.MAX_SAFE_INTEGER)])).toEqual(allNew)
      expect(await store(storage, Sensor, d, [withHash(d, Number.MAX_SAFE_INTEGER - 1)])).toEqual(allNew)
      expect(await samplesOf(storage, Sensor, d)).toHaveLength(5)
    })

    test('invariant 2: a sample with neither is never a duplicate', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const same = sample(Sensor, d, T0, { temperature: 1 })
      expect(await store(storage, Sensor, d, [same, same])).toEqual(allNew)
      expect(await storage.commit(batch([entry(Sensor, d, [same]), entry(Sensor, d, [same])]))).toEqual(
        allNew,
      )
      expect(await samplesOf(storage, Sensor, d)).toHaveLength(4)
      expect(await statusesOf(storage, Sensor, d)).toEqual(['processed', 'processed', 'processed'])
    })

    test('an id of one device or type says nothing about another', async () => {
      const { storage } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Sensor)]
      const m = await newDevice(storage, Meter)
      await store(storage, Sensor, a, [withId(a, 'x'), withHash(a, 1)])
      expect(await store(storage, Sensor, b, [withId(b, 'x'), withHash(b, 1)])).toEqual(allNew)
      const other = [
        sample(Meter, m, T0, { temperature: 1 }, { sampleId: 'x' }),
        sample(Meter, m, T0, { temperature: 1 }, { contentHash: 1 }),
      ]
      expect(await store(storage, Meter, m, other)).toEqual(allNew)
    })

    test('an id and a hash that read alike are not the same', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      expect(await store(storage, Sensor, d, [withId(d, `${T0}:1`), withHash(d, 1), withId(d, '1')])).toEqual(
        allNew,
      )
      expect(await store(storage, Sensor, d, [withHash(d, hashOf('1', T0 + 1, 1))])).toEqual(allNew)
    })

    test('ids that differ in case, accents, white space or width are different', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      const ids = ['a', 'A', 'á', 'a ', ' a', 'ａ', 'a\t', 'ss', 'ß', '1', '01', '1.0', '🌡', '🌡️', 'a\u0301']
      const samples = ids.map((id) => withId(d, id))
      expect(await store(storage, Sensor, d, samples)).toEqual(allNew)
      expect(await samplesOf(storage, Sensor, d)).toHaveLength(ids.length)
      expect(await store(storage, Sensor, d, samples)).toMatchObject({ duplicates: [ids.length] })
    })

    test('a message without samples is never a duplicate', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      await store(storage, Sensor, d, [])
      await store(storage, Sensor, d, [])
      expect(await statusesOf(storage, Sensor, d)).toEqual(['processed', 'processed'])
    })
  })
}

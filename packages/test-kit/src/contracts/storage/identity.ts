import type { NewSample, Storage } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import {
  batch,
  change,
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
} from './fixtures.js'
import { type StorageContract, sharedStorage } from './harness.js'

/** As the hub does: the hash covers the id, the values and the time the device claims. */
const withId = (deviceId: string, sampleId: string, timestamp = T0, temperature = 1): NewSample =>
  sample(
    Sensor,
    deviceId,
    timestamp,
    { temperature },
    { sampleId, contentHash: hashOf(sampleId, timestamp, temperature) },
  )
/** The device gave no time: it is that of each arrival. */
const untimed = (deviceId: string, sampleId: string, receivedAt: number, temperature: number): NewSample =>
  sample(
    Sensor,
    deviceId,
    receivedAt,
    { temperature },
    { receivedAt, sampleId, contentHash: hashOf(sampleId, temperature) },
  )
const withHash = (deviceId: string, contentHash: number, timestamp = T0): NewSample =>
  sample(Sensor, deviceId, timestamp, { temperature: 1 }, { contentHash })

export function identityContract(contract: StorageContract): void {
  describe('identity of samples', () => {
    const shared = sharedStorage(contract)
    const duplicate = (counts: number[], samples: [number, number[]][]) =>
      expect.objectContaining({ duplicates: counts, duplicateSamples: new Map(samples) })
    const allNew = expect.objectContaining({ duplicates: null, duplicateSamples: null })

    const flagsOf = async (storage: Storage, deviceId: string) =>
      (await samplesOf(storage, Sensor, deviceId)).map(({ values, flags }) => [values[0], flags])

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

    test('invariant 2: one id with several contents in one batch: the first has it, the others are flagged', async () => {
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

    test('an id that comes back with another content beside commands and changes keeps its place', async () => {
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

    test('invariant 2: twice in one batch, the first message has it and the second is the duplicate', async () => {
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

    test('invariant 2: of a backfill that was stored in part, only the rest is stored', async () => {
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

    test('invariant 2: identities mixed with none: a message is a duplicate only when all of it was stored', async () => {
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

    test('a message without samples is never a duplicate', async () => {
      const { storage } = shared
      const d = await newDevice(storage, Sensor)
      await store(storage, Sensor, d, [])
      await store(storage, Sensor, d, [])
      expect(await statusesOf(storage, Sensor, d)).toEqual(['processed', 'processed'])
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

import type { ConsumerRecord, ConsumerStart, ConsumerStep, NewFailure, Storage } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { batch, entry, Meter, newId, Sensor, T0 } from './fixtures.js'
import { errorOf, everyPage, freshStorage, type StorageContract, sharedStorage } from './harness.js'

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

export function consumerContract(contract: StorageContract): void {
  describe('consumers', () => {
    const shared = sharedStorage(contract)

    const start = (name: string, more: Partial<ConsumerStart> = {}): ConsumerStart => ({
      name,
      epoch: 1,
      typeKeys: [Sensor.key],
      cursor: null,
      now: T0,
      ...more,
    })
    const step = (
      name: string,
      from: string | null,
      to: string,
      more: Partial<ConsumerStep> = {},
    ): ConsumerStep => ({
      name,
      epoch: 1,
      from,
      to,
      passed: 1,
      setAside: [],
      now: T0 + 1,
      ...more,
    })
    const failure = (id: number, more: Partial<NewFailure> = {}): NewFailure => ({
      ref: { typeKey: Sensor.key, id: String(id) },
      deviceId: `device ${id}`,
      error: `error ${id}`,
      attempts: 3,
      failedAt: T0 + id,
      ...more,
    })
    async function opened(storage: Storage, more: Partial<ConsumerStart> = {}): Promise<string> {
      const name = newId('consumer')
      expect(await storage.consumers.open(start(name, more))).not.toBeNull()
      return name
    }
    /** With these messages set aside, in this order. */
    async function withFailures(storage: Storage, ids: readonly number[]): Promise<string> {
      const name = await opened(storage)
      const setAside = ids.map((id) => failure(id))
      expect(await storage.consumers.advance(step(name, null, 'a', { setAside }))).toBe(true)
      return name
    }
    const recordOf = async (storage: Storage, name: string): Promise<ConsumerRecord> => {
      const record = await storage.consumers.get(name)
      if (!record) throw new Error(`${name} is not there`)
      return record
    }
    const failuresOf = async (storage: Storage, name: string, limit = 1000) =>
      (await everyPage((cursor) => storage.consumers.failures(name, { limit, cursor }))).items
    const idsOf = async (storage: Storage, name: string) =>
      (await failuresOf(storage, name)).map(({ ref }) => Number(ref.id))

    describe('the record', () => {
      test('open makes a new one at the cursor; every process sees it', async () => {
        const { storage, other } = shared
        const name = newId('consumer')
        expect(await storage.consumers.get(name)).toBeNull()
        const record = await storage.consumers.open(
          start(name, { epoch: 7, typeKeys: [Sensor.key, null, Meter.key], cursor: 'somewhere' }),
        )
        expect(record).toEqual({
          name,
          typeKeys: [Sensor.key, null, Meter.key],
          cursor: 'somewhere',
          epoch: 7,
          passed: 0,
          missed: 0,
          failures: 0,
          createdAt: T0,
          updatedAt: T0,
        })
        expect(await other.consumers.get(name)).toEqual(record)
        expect(await other.consumers.list()).toContainEqual(record)
      })

      test('opened again it stays where it was: only its writer and its types are new', async () => {
        const { storage, other } = shared
        const name = await opened(storage, { cursor: null })
        await storage.consumers.advance(step(name, null, 'here', { passed: 5, setAside: [failure(1)] }))
        const before = await recordOf(storage, name)
        const record = await other.consumers.open(
          start(name, { epoch: 2, cursor: 'elsewhere', typeKeys: [null], now: T0 + 100 }),
        )
        expect(record).toMatchObject({
          ...before,
          epoch: 2,
          typeKeys: [null],
          updatedAt: expect.any(Number),
        })
        expect(record).toMatchObject({ cursor: 'here', passed: 5, failures: 1, createdAt: T0 })
        expect(await recordOf(storage, name)).toEqual(record)
      })

      test('a former epoch opens nothing and changes nothing; the same one may open again', async () => {
        const { storage, other } = shared
        const name = await opened(storage, { epoch: 5 })
        const before = await recordOf(storage, name)
        expect(await other.consumers.open(start(name, { epoch: 4, typeKeys: [Meter.key] }))).toBeNull()
        expect(await recordOf(storage, name)).toEqual(before)
        expect(await other.consumers.open(start(name, { epoch: 5 }))).toMatchObject({ epoch: 5 })
      })

      test('of several that open a new name at once the latest epoch is the writer', async () => {
        const { storage, other } = shared
        const name = newId('consumer')
        const records = await Promise.all(
          upTo(10).map((epoch) =>
            (epoch % 2 ? storage : other).consumers.open(start(name, { epoch, typeKeys: [`type ${epoch}`] })),
          ),
        )
        expect(records[9]).toMatchObject({ epoch: 9 })
        for (const [epoch, record] of records.entries())
          if (record) expect(record).toMatchObject({ epoch, typeKeys: [`type ${epoch}`] })
        expect(await recordOf(storage, name)).toMatchObject({ epoch: 9, typeKeys: ['type 9'] })
      })

      test('list gives all of them, each once', async () => {
        await using fresh = await freshStorage(contract)
        const { storage } = fresh
        expect(await storage.consumers.list()).toEqual([])
        for (const name of ['b', 'a', 'c']) await storage.consumers.open(start(name))
        await storage.consumers.advance(step('c', null, 'x', { setAside: [failure(1), failure(2)] }))
        const records = await storage.consumers.list()
        expect(records.map(({ name, failures }) => [name, failures]).sort()).toEqual([
          ['a', 0],
          ['b', 0],
          ['c', 2],
        ])
      })
    })

    describe('advance', () => {
      test('moves the cursor from where it is, and counts what was passed', async () => {
        const { storage, other } = shared
        const name = await opened(storage)
        expect(await storage.consumers.advance(step(name, null, 'one', { passed: 10 }))).toBe(true)
        expect(await other.consumers.advance(step(name, 'one', 'two', { passed: 5, now: T0 + 9 }))).toBe(true)
        expect(await recordOf(storage, name)).toMatchObject({
          cursor: 'two',
          passed: 15,
          createdAt: T0,
          updatedAt: T0 + 9,
        })
      })

      test('does nothing when the cursor is elsewhere, when the writer is another, when there is none', async () => {
        const { storage } = shared
        for (const setAside of [[], [failure(1)]]) {
          const name = await opened(storage, { epoch: 3, cursor: 'here' })
          const before = await recordOf(storage, name)
          for (const wrong of [
            step(name, 'elsewhere', 'on', { epoch: 3, setAside }),
            step(name, null, 'on', { epoch: 3, setAside }),
            step(name, 'HERE', 'on', { epoch: 3, setAside }),
            step(name, 'here', 'on', { epoch: 2, setAside }),
            step(name, 'here', 'on', { epoch: 4, setAside }),
            step(newId('consumer'), 'here', 'on', { epoch: 3, setAside }),
          ])
            expect(await storage.consumers.advance(wrong)).toBe(false)
          expect(await recordOf(storage, name)).toEqual(before)
          expect(await failuresOf(storage, name)).toEqual([])
        }
      })

      test('of several that advance from one place one does, and only its failures are there', async () => {
        const { storage, other } = shared
        for (const withFailure of [false, true]) {
          const name = await opened(storage)
          const results = await Promise.all(
            upTo(10).map((index) =>
              (index % 2 ? storage : other).consumers.advance(
                step(name, null, `to ${index}`, { setAside: withFailure ? [failure(index)] : [] }),
              ),
            ),
          )
          const winner = results.indexOf(true)
          expect(results.filter(Boolean)).toHaveLength(1)
          expect(await recordOf(storage, name)).toMatchObject({ cursor: `to ${winner}`, passed: 1 })
          expect(await idsOf(storage, name)).toEqual(withFailure ? [winner] : [])
        }
      })

      test('the writer of a former epoch cannot go on once another one has opened it', async () => {
        const { storage, other } = shared
        const name = await opened(storage)
        await storage.consumers.advance(step(name, null, 'one'))
        await other.consumers.open(start(name, { epoch: 2 }))
        for (const setAside of [[], [failure(1)]])
          expect(await storage.consumers.advance(step(name, 'one', 'two', { setAside }))).toBe(false)
        expect(await failuresOf(storage, name)).toEqual([])
        expect(await other.consumers.advance(step(name, 'one', 'two', { epoch: 2 }))).toBe(true)
      })

      test('seek moves it whoever is the writer, and whoever was on the way from the former place fails', async () => {
        const { storage, other } = shared
        const name = await withFailures(storage, [1])
        expect(await other.consumers.seek(name, 'far', T0 + 5)).toBe(true)
        expect(await recordOf(storage, name)).toMatchObject({
          cursor: 'far',
          epoch: 1,
          passed: 1,
          failures: 1,
          updatedAt: T0 + 5,
        })
        expect(await storage.consumers.advance(step(name, 'a', 'b'))).toBe(false)
        expect(await storage.consumers.advance(step(name, 'far', 'b'))).toBe(true)
        expect(await other.consumers.seek(name, null, T0 + 6)).toBe(true)
        expect((await recordOf(storage, name)).cursor).toBeNull()
        expect(await storage.consumers.advance(step(name, null, 'c'))).toBe(true)
        expect(await storage.consumers.seek(newId('consumer'), null, T0)).toBe(false)
      })

      test('cursors of the log go in and come out as they are', async () => {
        const { storage } = shared
        const types = [Sensor, Meter, null] as const
        await storage.commit(batch(types.map((type) => entry(type, newId()))))
        const cursor = await storage.log.end(types)
        const name = await opened(storage, { cursor })
        expect((await recordOf(storage, name)).cursor).toBe(cursor)
        const next = (await storage.log.read(types, null, 1)).cursor
        expect(await storage.consumers.advance(step(name, cursor, next))).toBe(true)
        expect((await recordOf(storage, name)).cursor).toBe(next)
      })
    })

    describe('what was set aside', () => {
      test('is listed whole, oldest first', async () => {
        const { storage, other } = shared
        const name = await opened(storage)
        const long = `${'ü😀'.repeat(2000)}'"\\`
        const setAside = [
          failure(9, { error: long }),
          failure(2, { deviceId: null, ref: { typeKey: null, id: '2' } }),
          failure(2, { ref: { typeKey: Meter.key, id: '2' } }),
          failure(9_007_199_254_740_991),
        ]
        await storage.consumers.advance(step(name, null, 'a', { setAside }))
        expect(await failuresOf(other, name)).toEqual(
          setAside.map((one) => ({ ...one, firstFailedAt: one.failedAt, due: false })),
        )
        expect((await recordOf(other, name)).failures).toBe(4)
      })

      test('is paged, each consumer its own', async () => {
        const { storage } = shared
        const ids = upTo(25).map((index) => 100 - index)
        const [name, another] = [await withFailures(storage, ids), await withFailures(storage, [1])]
        const pages = await everyPage((cursor) => storage.consumers.failures(name, { limit: 10, cursor }))
        expect(pages.items.map(({ ref }) => Number(ref.id))).toEqual(ids)
        expect(pages.sizes).toEqual([10, 10, 5])
        expect(await idsOf(storage, another)).toEqual([1])
        expect(await storage.consumers.failures(newId('consumer'), { limit: 10 })).toEqual({
          items: [],
          cursor: null,
        })
        await expect(storage.consumers.failures(name, { limit: 10, cursor: 'nonsense' })).rejects.toEqual(
          errorOf('invalid_query'),
        )
      })

      test('paging goes on though what was read is skipped meanwhile', async () => {
        const { storage } = shared
        const name = await withFailures(storage, upTo(9))
        const seen: number[] = []
        let cursor: string | undefined
        do {
          const page = await storage.consumers.failures(name, { limit: 2, cursor })
          for (const { ref } of page.items) {
            seen.push(Number(ref.id))
            await storage.consumers.skip(name, ref)
          }
          cursor = page.cursor ?? undefined
        } while (cursor !== undefined)
        expect(seen).toEqual(upTo(9))
        expect((await recordOf(storage, name)).failures).toBe(0)
      })

      test('a message that fails again keeps its place and its first failure', async () => {
        const { storage } = shared
        const name = await withFailures(storage, [1, 2, 3])
        await storage.consumers.requestRetry(name, null)
        const again = failure(2, { error: 'worse', attempts: 9, failedAt: T0 + 500, deviceId: 'x' })
        await storage.consumers.advance(step(name, 'a', 'b', { setAside: [again, failure(4)] }))
        const all = await failuresOf(storage, name)
        expect(all.map(({ ref, due }) => [ref.id, due])).toEqual([
          ['1', true],
          ['2', false],
          ['3', true],
          ['4', false],
        ])
        expect(all[1]).toEqual({ ...again, firstFailedAt: T0 + 2, due: false })
        expect((await recordOf(storage, name)).failures).toBe(4)
      })

      test('two thousand in one step, one of them twice', async () => {
        const { storage } = shared
        const name = await opened(storage)
        const setAside = [...upTo(2000).map((id) => failure(id)), failure(7, { error: 'the last word' })]
        expect(await storage.consumers.advance(step(name, null, 'a', { setAside }))).toBe(true)
        const all = await failuresOf(storage, name)
        expect(all.map(({ ref }) => Number(ref.id))).toEqual(upTo(2000))
        expect(all[7]).toMatchObject({ error: 'the last word' })
      })

      test('is tried again when somebody asks: one or all, oldest first', async () => {
        const { storage, other } = shared
        const [name, another] = [await withFailures(storage, [5, 3, 8]), await withFailures(storage, [3])]
        const due = async () =>
          (await storage.consumers.dueRetries(name, 10)).map(({ ref }) => Number(ref.id))
        expect(await due()).toEqual([])
        expect(await other.consumers.requestRetry(name, failure(3).ref)).toBe(1)
        expect(await due()).toEqual([3])
        expect(await other.consumers.requestRetry(name, { typeKey: Meter.key, id: '3' })).toBe(0)
        expect(await other.consumers.requestRetry(name, { typeKey: Sensor.key, id: 'nonsense' })).toBe(0)
        expect(await other.consumers.requestRetry(newId('consumer'), null)).toBe(0)
        expect(await other.consumers.requestRetry(name, null)).toBe(3)
        expect(await due()).toEqual([5, 3, 8])
        expect(await storage.consumers.dueRetries(name, 2)).toEqual([
          { ...failure(5), firstFailedAt: T0 + 5, due: true },
          { ...failure(3), firstFailedAt: T0 + 3, due: true },
        ])
        expect(await storage.consumers.dueRetries(another, 10)).toEqual([])
      })

      test('a retry that worked removes it; one that failed leaves it with its new error, no longer due', async () => {
        const { storage } = shared
        const name = await withFailures(storage, [1, 2])
        await storage.consumers.requestRetry(name, null)
        const writer = { name, epoch: 1 }
        expect(await storage.consumers.settleRetry(writer, failure(1).ref, null)).toBe(true)
        const again = failure(2, { error: 'still', attempts: 4, failedAt: T0 + 900 })
        expect(await storage.consumers.settleRetry(writer, again.ref, again)).toBe(true)
        expect(await failuresOf(storage, name)).toEqual([{ ...again, firstFailedAt: T0 + 2, due: false }])
        expect(await storage.consumers.dueRetries(name, 10)).toEqual([])
        expect((await recordOf(storage, name)).failures).toBe(1)
      })

      test('a retry of a former writer settles nothing', async () => {
        const { storage, other } = shared
        const name = await withFailures(storage, [1])
        await storage.consumers.requestRetry(name, null)
        const before = await failuresOf(storage, name)
        await other.consumers.open(start(name, { epoch: 2 }))
        const writer = { name, epoch: 1 }
        expect(await storage.consumers.settleRetry(writer, failure(1).ref, null)).toBe(false)
        expect(await storage.consumers.settleRetry(writer, failure(1).ref, failure(1, { error: 'x' }))).toBe(
          false,
        )
        expect(
          await storage.consumers.settleRetry({ name: newId('consumer'), epoch: 1 }, failure(1).ref, null),
        ).toBe(false)
        expect(await failuresOf(storage, name)).toEqual(before)
      })

      test('skipped it is forgotten, and a retry that was under way does not bring it back', async () => {
        const { storage, other } = shared
        const [name, another] = [await withFailures(storage, [1, 2]), await withFailures(storage, [1])]
        await storage.consumers.requestRetry(name, null)
        expect(await other.consumers.skip(name, failure(1).ref)).toBe(true)
        expect(await other.consumers.skip(name, failure(1).ref)).toBe(false)
        expect(await other.consumers.skip(name, { typeKey: null, id: '2' })).toBe(false)
        expect(await other.consumers.skip(name, { typeKey: Sensor.key, id: 'nonsense' })).toBe(false)
        expect(await storage.consumers.settleRetry({ name, epoch: 1 }, failure(1).ref, failure(1))).toBe(true)
        expect(await idsOf(storage, name)).toEqual([2])
        expect(await idsOf(storage, another)).toEqual([1])
      })

      test('deleted it is gone with all of it; opened again it is a new one', async () => {
        const { storage, other } = shared
        const [name, another] = [await withFailures(storage, [1, 2]), await withFailures(storage, [1])]
        expect(await other.consumers.delete(name)).toBe(true)
        expect(await storage.consumers.delete(name)).toBe(false)
        expect(await storage.consumers.get(name)).toBeNull()
        expect(await idsOf(storage, name)).toEqual([])
        expect(await storage.consumers.advance(step(name, 'a', 'b'))).toBe(false)
        expect(await storage.consumers.open(start(name, { now: T0 + 7 }))).toMatchObject({
          cursor: null,
          passed: 0,
          failures: 0,
          createdAt: T0 + 7,
        })
        expect(await idsOf(storage, another)).toEqual([1])
      })
    })
  })
}

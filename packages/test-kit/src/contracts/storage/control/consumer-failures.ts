import { describe, expect, test } from 'vitest'
import { Meter, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, everyPage, type StorageContract, sharedStorage } from '../harness.js'
import {
  failure,
  failuresOf,
  idsOf,
  opened,
  recordOf,
  start,
  step,
  upTo,
  withFailures,
} from './consumer-fixtures.js'

export function consumerFailureContract(contract: StorageContract): void {
  describe('messages that a consumer set aside', () => {
    const shared = sharedStorage(contract)

    test('are listed completely, oldest first', async () => {
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

    test('are paged for each consumer', async () => {
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

    test('paging continues when listed ones are skipped meanwhile', async () => {
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

    test('a message that fails again keeps its position and the time of its first failure', async () => {
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

    test('are retried on request: one or all, oldest first', async () => {
      const { storage, other } = shared
      const [name, another] = [await withFailures(storage, [5, 3, 8]), await withFailures(storage, [3])]
      const due = async () => (await storage.consumers.dueRetries(name, 10)).map(({ ref }) => Number(ref.id))
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

    test('a successful retry removes one; a failed retry stores the new error and makes it no longer due', async () => {
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

    test('a retry of a former writer changes nothing', async () => {
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

    test('a skipped one is deleted, and a retry in progress does not restore it', async () => {
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

    test('deleting the consumer deletes them; opened again it is a new consumer', async () => {
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
}

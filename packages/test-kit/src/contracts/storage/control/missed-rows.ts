import { type AnyDeviceType, defineDeviceType, reading, type Storage } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { batch, entry, T0 } from '../fixtures.js'
import { freshStorage, type StorageContract } from '../harness.js'

export function missedRowContract(contract: StorageContract): void {
  describe('rows that retention deletes before a consumer reads them', () => {
    const readings = { a: reading.float() }
    const Keeping = defineDeviceType('ContractKeeping', { readings })
    const Brief = defineDeviceType('ContractBrief', { readings, retention: { messages: 60 } })
    const Short = defineDeviceType('ContractShort', { readings, retention: { messages: 60 } })
    const fleeting = [Brief, Short, Keeping]
    const old = (type: AnyDeviceType | null, count: number, age = 100_000) =>
      batch(Array.from({ length: count }, () => entry(type, 'd', [], { receivedAt: T0 - age })))
    const consumer = (
      storage: Storage,
      name: string,
      types: readonly (AnyDeviceType | null)[],
      cursor: string | null,
    ) =>
      storage.consumers.open({
        name,
        epoch: 1,
        typeKeys: types.map((type) => type?.key ?? null),
        cursor,
        now: T0,
      })
    const missed = async (storage: Storage) =>
      Object.fromEntries((await storage.consumers.list()).map((one) => [one.name, one.missed]))

    test('each consumer counts the deleted rows that it had not read', async () => {
      await using opened = await freshStorage(contract, fleeting)
      const { storage } = opened
      await storage.commit(old(Brief, 4))
      await storage.commit(old(Short, 3))
      const [early, third] = [
        (await storage.log.read([Brief], null, 3)).cursor,
        (await storage.log.read([Brief, Short], null, 3)).cursor,
      ]
      await storage.commit(old(Brief, 5))
      await storage.commit(old(Keeping, 2))
      await storage.commit(old(null, 2))
      const all = [Brief, Short, Keeping, null]
      const end = await storage.log.end(all)
      await storage.commit(old(Brief, 2, 0))
      await consumer(storage, 'from the beginning', all, null)
      await consumer(storage, 'one type', [Brief], early)
      await consumer(storage, 'two types', [Brief, Short], third)
      await consumer(storage, 'all read', all, end)
      await consumer(storage, 'other types', [Keeping, null], null)
      const before = await storage.consumers.list()
      // What comes after the deletion, of all that was not read: then it is known how many a reader misses.
      const unread = await storage.log.count([Brief, Short], third, 1000)

      expect(await storage.applyRetention(T0)).toEqual({ readings: 0, messages: 12 })
      const counts = await missed(storage)
      expect(counts).toEqual({
        'from the beginning': 12,
        'one type': 6,
        'two types': unread - 2,
        'all read': 0,
        'other types': 0,
      })
      expect(await storage.consumers.list()).toEqual(
        before.map((one) => ({ ...one, missed: counts[one.name] })),
      )
      expect(await storage.applyRetention(T0)).toEqual({ readings: 0, messages: 0 })
      expect(await missed(storage)).toEqual(counts)
      await storage.applyRetention(T0 + 100_000)
      expect((await missed(storage))['all read'], 'it goes on where it was').toBe(2)
    })

    test('a consumer that advanced meanwhile misses only rows after its new position', async () => {
      await using opened = await freshStorage(contract, fleeting)
      const { storage } = opened
      await storage.commit(old(Brief, 10))
      await consumer(storage, 'c', [Brief], null)
      const { cursor } = await storage.log.read([Brief], null, 7)
      await storage.consumers.advance({
        name: 'c',
        epoch: 1,
        from: null,
        to: cursor,
        passed: 7,
        setAside: [],
        now: T0,
      })
      await storage.applyRetention(T0)
      expect(await missed(storage)).toEqual({ c: 3 })
    })

    test('a row that two processes delete at once counts once', async () => {
      await using opened = await freshStorage(contract, fleeting)
      const { storage } = opened
      const second = await opened.second()
      for (let round = 0; round < 3; round++) await storage.commit(old(Brief, 1500))
      await consumer(storage, 'c', [Brief, Short], null)
      const results = await Promise.all([storage, second, storage].map((each) => each.applyRetention(T0)))
      expect(results.reduce((sum, { messages }) => sum + messages, 0)).toBe(4500)
      expect(await missed(storage)).toEqual({ c: 4500 })
    })
  })
}

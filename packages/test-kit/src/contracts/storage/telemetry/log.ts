import { defineDeviceType } from '@devicehub/core'
import type { StoredMessage } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { batch, entry, Meter, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import { ALL, follow, numbered, numbers, upTo } from './log-fixtures.js'

export function logContract(contract: StorageContract): void {
  describe('log', () => {
    const shared = sharedStorage(contract)

    test('an empty log has an end, and reading it moves nothing', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const end = await storage.log.end(ALL)
      expect(await storage.log.read(ALL, end, 10)).toEqual({ messages: [], cursor: end })
      const start = await storage.log.read(ALL, null, 10)
      expect(start.messages).toEqual([])
      await storage.commit(batch(numbered(Sensor, 'd', 0, 3)))
      for (const cursor of [null, end, start.cursor])
        expect(numbers((await storage.log.read(ALL, cursor, 10)).messages)).toEqual([0, 1, 2])
    })

    test('read gives every row once from the beginning, in order of arrival, whole', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      for (let part = 0; part < 5; part++) await storage.commit(batch(numbered(Sensor, 'd', part * 10, 10)))
      for (const limit of [1, 7, 10, 50, 1000]) {
        const { messages } = await follow(storage, [Sensor], null, limit)
        expect(numbers(messages)).toEqual(upTo(50))
      }
      const { items } = await storage.messages.list(Sensor, {}, { limit: 100 })
      const { messages } = await follow(storage, [Sensor], null, 100)
      expect(messages).toEqual([...items].reverse())
    })

    test('a limit smaller than a batch cuts it anywhere, and the cursor goes on there', async () => {
      const { storage } = shared
      const [end, deviceId] = [await storage.log.end([Sensor]), newId()]
      await storage.commit(batch(numbered(Sensor, deviceId, 0, 10)))
      const first = await storage.log.read([Sensor], end, 4)
      const second = await storage.log.read([Sensor], first.cursor, 4)
      const third = await storage.log.read([Sensor], second.cursor, 4)
      expect([first, second, third].map(({ messages }) => numbers(messages))).toEqual([
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
      ])
      expect(await storage.log.read([Sensor], third.cursor, 4)).toEqual({
        messages: [],
        cursor: third.cursor,
      })
      expect(await storage.log.read([Sensor], first.cursor, 4), 'a cursor can be used again').toEqual(second)
    })

    test('one cursor covers several tables, those of no type too', async () => {
      const { storage } = shared
      const [end, deviceId] = [await storage.log.end(ALL), newId()]
      let sent = 0
      for (let round = 0; round < 6; round++)
        for (const type of ALL) {
          await storage.commit(batch(numbered(type, deviceId, sent, 3)))
          sent += 3
        }
      for (const limit of [1, 2, 5, 100]) {
        const { messages } = await follow(storage, ALL, end, limit)
        expect(numbers(messages).sort((a, b) => a - b)).toEqual(upTo(sent))
        for (const type of ALL) {
          const of = numbers(messages.filter(({ typeKey }) => typeKey === (type?.key ?? null)))
          expect(of).toEqual([...of].sort((a, b) => a - b))
          expect(of).toHaveLength(18)
        }
      }
      const some = await follow(storage, [Meter, null], await storage.log.end([Meter, null]), 10)
      expect(some.messages).toEqual([])
    })

    test('types that were not asked for are left out, and do not move the cursor', async () => {
      const { storage } = shared
      const [end, deviceId] = [await storage.log.end([Meter]), newId()]
      await storage.commit(batch([...numbered(Sensor, deviceId, 0, 5), ...numbered(null, deviceId, 5, 5)]))
      expect(await storage.log.read([Meter], end, 10)).toEqual({ messages: [], cursor: end })
      expect(await storage.log.read([], await storage.log.end([]), 10)).toMatchObject({ messages: [] })
    })

    test('end is behind everything that is committed', async () => {
      const { storage } = shared
      const deviceId = newId()
      await storage.commit(batch(ALL.flatMap((type) => numbered(type, deviceId, 0, 2))))
      const end = await storage.log.end(ALL)
      expect((await storage.log.read(ALL, end, 10)).messages).toEqual([])
      await storage.commit(batch(ALL.flatMap((type, index) => numbered(type, deviceId, 10 + index, 1))))
      expect(numbers((await storage.log.read(ALL, end, 10)).messages).sort()).toEqual([10, 11, 12])
    })

    test('a commit that failed leaves no hole that stops the reader', async () => {
      const { storage } = shared
      const [end, deviceId] = [await storage.log.end(ALL), newId()]
      const failing = batch([
        ...numbered(Sensor, deviceId, 900, 3),
        { ...entry(Sensor, deviceId), replayOf: { typeKey: Sensor.key, id: '999999999' } },
      ])
      for (let round = 0; round < 3; round++) {
        await storage.commit(batch(numbered(Sensor, deviceId, round, 1)))
        await expect(storage.commit(failing)).rejects.toThrow()
      }
      expect(numbers((await follow(storage, ALL, end, 2)).messages)).toEqual([0, 1, 2])
    })

    test('a cursor that the storage did not give out is `invalid_query`', async () => {
      for (const cursor of ['nonsense', '', '{}', '-', "1' or '1'='1"])
        await expect(shared.storage.log.read(ALL, cursor, 10)).rejects.toEqual(errorOf('invalid_query'))
    })

    test('rows deleted by retention disturb neither the order nor the cursors', async () => {
      const Fleeting = defineDeviceType('ContractFleeting', { retention: { messages: 60 } })
      await using opened = await freshStorage(contract, [Fleeting])
      const { storage } = opened
      const at = (n: number) =>
        entry(Fleeting, 'd', [], { correlationId: String(n), receivedAt: T0 + n * 1000 })
      await storage.commit(batch(upTo(20).map(at)))
      const middle = await storage.log.read([Fleeting], null, 5)
      await storage.applyRetention(T0 + 70_000)
      expect(numbers((await follow(storage, [Fleeting], middle.cursor, 3)).messages)).toEqual(
        upTo(20).slice(10),
      )
      const end = await storage.log.end([Fleeting])
      await storage.applyRetention(T0 + 1_000_000)
      expect((await follow(storage, [Fleeting], null, 3)).messages).toEqual([])
      await storage.commit(batch([at(100), at(101)]))
      for (const cursor of [null, middle.cursor, end])
        expect(numbers((await follow(storage, [Fleeting], cursor, 3)).messages)).toEqual([100, 101])
    })

    test('a reader that follows concurrent writers sees each row once, and in order per device', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const other = await opened.second()
      const reader = await opened.second()
      const perWriter = 300
      const writers = upTo(6).map(async (writer) => {
        const deviceId = newId('writer')
        const target = writer % 2 ? storage : other
        // Batches of different sizes, so that commits overtake each other.
        for (let sent = 0; sent < perWriter; ) {
          const size = Math.min(perWriter - sent, 1 + ((sent * 7 + writer * 13) % 40))
          const entries = numbered(Sensor, deviceId, sent, size)
          const unrelated = numbered(ALL[writer % 3] ?? null, newId('side'), 0, writer)
          await target.commit(batch(writer % 2 ? [...entries, ...unrelated] : [...unrelated, ...entries]))
          sent += size
        }
        return deviceId
      })
      let writing = true
      const done = Promise.all(writers).finally(() => {
        writing = false
      })
      const seen: StoredMessage[] = []
      let cursor: string | null = null
      for (let last = false; ; ) {
        const page: Awaited<ReturnType<typeof reader.log.read>> = await reader.log.read(ALL, cursor, 50)
        seen.push(...page.messages)
        cursor = page.cursor
        if (page.messages.length > 0) continue
        if (last) break
        last = !writing
        await new Promise((resolve) => setImmediate(resolve))
      }
      for (const deviceId of await done)
        expect(numbers(seen.filter((one) => one.deviceId === deviceId))).toEqual(upTo(perWriter))
      const keys = seen.map(({ typeKey, id }) => `${typeKey} ${id}`)
      expect(new Set(keys).size).toBe(keys.length)
      expect((await reader.log.read(ALL, cursor, 10)).messages).toEqual([])
      expect((await follow(reader, ALL, null, 1000)).messages).toHaveLength(seen.length)
    })
  })
}

import type { AnyDeviceType } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { batch, entry, Meter, Sensor, T0 } from '../fixtures.js'
import { errorOf, freshStorage, type StorageContract } from '../harness.js'
import { ALL, follow, numbered, numbers, upTo } from './log-fixtures.js'

export function logPlaceContract(contract: StorageContract): void {
  describe('positions in the log', () => {
    test('seek finds the position before the first row since a time, else the end', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      expect((await storage.log.read(ALL, await storage.log.seek(ALL, T0), 10)).messages).toEqual([])
      const at = (type: AnyDeviceType | null, n: number) =>
        entry(type, 'd', [], { correlationId: String(n), receivedAt: T0 + n * 1000 })
      for (let n = 0; n < 30; n += 3)
        await storage.commit(batch([at(Sensor, n), at(Meter, n + 1), at(null, n + 2)]))
      for (const [types, members] of [
        [ALL, upTo(30)],
        [[Sensor], upTo(30).filter((n) => n % 3 === 0)],
        [[Meter, null], upTo(30).filter((n) => n % 3 !== 0)],
      ] as const)
        for (const from of [0, 1, 9, 14, 26]) {
          const cursor = await storage.log.seek(types, T0 + from * 1000)
          const found = numbers((await follow(storage, types, cursor, 4)).messages).sort((a, b) => a - b)
          const expected = members.filter((n) => n >= from)
          expect(found.filter((n) => n >= from)).toEqual(expected)
          // What stands in one transaction with the first may come with it, from other tables.
          expect(found.filter((n) => n < from - 2)).toEqual([])
        }
      const [all, before, end] = [
        await storage.log.seek(ALL, 0),
        await storage.log.seek([Sensor], T0 + 9000),
        await storage.log.seek(ALL, T0 + 1_000_000),
      ]
      expect((await follow(storage, ALL, all, 7)).messages).toHaveLength(30)
      expect(numbers((await storage.log.read([Sensor], before, 1)).messages)).toEqual([9])
      expect((await storage.log.read(ALL, end, 10)).messages).toEqual([])
      await storage.commit(batch([at(Meter, 5000)]))
      expect(numbers((await storage.log.read(ALL, end, 10)).messages)).toEqual([5000])
    })

    test('seek goes by the order of the log: older rows after the position are read too', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      for (const [n, age] of [50, 20, 30, 10, 40].entries())
        await storage.commit(
          batch([entry(Sensor, 'd', [], { correlationId: String(n), receivedAt: T0 - age })]),
        )
      const cursor = await storage.log.seek([Sensor], T0 - 25)
      expect(numbers((await follow(storage, [Sensor], cursor, 2)).messages)).toEqual([1, 2, 3, 4])
    })

    test('reading from seek misses no row since the time, even during writes', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const reader = await opened.second()
      const steps = 25
      let writing = true
      const writers = Promise.all(
        upTo(4).map(async (writer) => {
          const target = writer % 2 ? reader : storage
          for (let n = 0; n < steps; n++) {
            const one = (type: AnyDeviceType | null) =>
              entry(type, `d${writer}`, [], { correlationId: String(n), receivedAt: T0 + n })
            await target.commit(batch(writer < 2 ? [one(Sensor)] : [one(null), one(Meter), one(Sensor)]))
          }
        }),
      ).finally(() => {
        writing = false
      })
      const places: (readonly [from: number, cursor: string])[] = []
      for (let round = 0; writing; round++) {
        const from = (round * 7) % steps
        places.push([from, await reader.log.seek(ALL, T0 + from)])
        await new Promise((resolve) => setImmediate(resolve))
      }
      await writers
      const rows = 2 * 1 + 2 * 3
      for (const [from, cursor] of places) {
        const found = numbers((await follow(reader, ALL, cursor, 1000)).messages).filter((n) => n >= from)
        expect(found, `from ${from}, at ${cursor}`).toHaveLength((steps - from) * rows)
      }
    })

    test('count returns the number of rows after a cursor, up to a limit', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      expect(await storage.log.count(ALL, null, 100)).toBe(0)
      const empty = await storage.log.end(ALL)
      for (const type of ALL) await storage.commit(batch(numbered(type, 'd', 0, 10)))
      expect(await storage.log.count(ALL, null, 100)).toBe(30)
      expect(await storage.log.count(ALL, empty, 100)).toBe(30)
      expect(await storage.log.count([Meter], null, 100)).toBe(10)
      expect(await storage.log.count([], null, 100)).toBe(0)
      expect(await storage.log.count(ALL, await storage.log.end(ALL), 100)).toBe(0)
      for (const max of [1, 9, 10, 11, 29, 30, 31])
        expect(await storage.log.count(ALL, null, max)).toBe(Math.min(max, 30))
      let cursor: string | null = null
      for (let read = 0; read < 30; ) {
        const page: Awaited<ReturnType<typeof storage.log.read>> = await storage.log.read(ALL, cursor, 4)
        read += page.messages.length
        cursor = page.cursor
        expect(await storage.log.count(ALL, cursor, 100)).toBe(30 - read)
      }
      await storage.commit(batch(numbered(null, 'd', 0, 3)))
      expect(await storage.log.count(ALL, cursor, 100)).toBe(3)
      await expect(storage.log.count(ALL, 'nonsense', 10)).rejects.toEqual(errorOf('invalid_query'))
    })
  })
}

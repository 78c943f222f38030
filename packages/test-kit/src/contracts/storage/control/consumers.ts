import { describe, expect, test } from 'vitest'
import { batch, entry, Meter, newId, Sensor, T0 } from '../fixtures.js'
import { freshStorage, type StorageContract, sharedStorage } from '../harness.js'
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

export function consumerContract(contract: StorageContract): void {
  describe('consumers', () => {
    const shared = sharedStorage(contract)

    describe('the record', () => {
      test('open creates it at the cursor; every process sees it', async () => {
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

      test('opened again it keeps its cursor; only its writer and its types change', async () => {
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

      test('list returns all of them, each once', async () => {
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

      test('of several that advance from one cursor one succeeds, and only its failures are stored', async () => {
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

      test('a writer with a former epoch cannot advance once another has opened it', async () => {
        const { storage, other } = shared
        const name = await opened(storage)
        await storage.consumers.advance(step(name, null, 'one'))
        await other.consumers.open(start(name, { epoch: 2 }))
        for (const setAside of [[], [failure(1)]])
          expect(await storage.consumers.advance(step(name, 'one', 'two', { setAside }))).toBe(false)
        expect(await failuresOf(storage, name)).toEqual([])
        expect(await other.consumers.advance(step(name, 'one', 'two', { epoch: 2 }))).toBe(true)
      })

      test('seek moves it whoever is the writer; an advance from the former cursor then fails', async () => {
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

      test('cursors of the log are stored unchanged', async () => {
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
  })
}

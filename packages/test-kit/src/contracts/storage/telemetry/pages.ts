import type { Storage } from '@devicehub/core'
import { conditionOf, type LogPage, PAGE_BYTES } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import {
  batch,
  device,
  entry,
  Meter,
  newDevice,
  newId,
  readingOf,
  Sensor,
  sample,
  store,
  T0,
} from '../fixtures.js'
import {
  errorOf,
  everyDevice,
  everyPage,
  freshStorage,
  type StorageContract,
  sharedStorage,
} from '../harness.js'

const KB = 1024
const MB = 1024 * KB
/** JSON of so many bytes that says which it is. */
const json = (index: number, bytes: number) => JSON.stringify([index, 'x'.repeat(bytes - 8)])
const indexOf = (text: unknown) => (JSON.parse(String(text)) as [number])[0]
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Invariant 5: what a page holds is bounded, whatever devices sent. */
export function pageContract(contract: StorageContract): void {
  describe('pages', () => {
    const shared = sharedStorage(contract)

    /** A sample for each size, the configuration so large; null: without one. */
    async function withSamples(storage: Storage, sizes: readonly (number | null)[]): Promise<string> {
      const deviceId = await newDevice(storage, Sensor)
      for (const [index, bytes] of sizes.entries())
        await store(storage, Sensor, deviceId, [
          sample(Sensor, deviceId, T0 + index, {
            pulses: index,
            config: bytes === null ? null : json(index, bytes),
          }),
        ])
      return deviceId
    }

    test.for(['asc', 'desc'] as const)(
      'samples: a page ends before it exceeds its bytes, and the next goes on behind it (%s)',
      async (order) => {
        const { storage } = shared
        const sizes = [100 * KB, 100 * KB, 100 * KB, null, 20, 100 * KB, 100 * KB]
        const deviceId = await withSamples(storage, sizes)
        const pages = await everyPage((cursor) =>
          storage.readings.list(Sensor, { deviceId, order }, { limit: 100, maxBytes: 250 * KB, cursor }),
        )
        expect(pages.sizes).toEqual(order === 'asc' ? [2, 4, 1] : [4, 2, 1])
        const pulses = pages.items.map((item) => readingOf(Sensor, item, 'pulses'))
        expect(pulses).toEqual(order === 'asc' ? upTo(7) : upTo(7).reverse())
        for (const item of pages.items) {
          const index = Number(readingOf(Sensor, item, 'pulses'))
          const bytes = sizes[index] ?? null
          expect(readingOf(Sensor, item, 'config')).toBe(bytes === null ? null : json(index, bytes))
        }
      },
    )

    test('a row that is larger than a page is a page of its own', async () => {
      const { storage } = shared
      const deviceId = await withSamples(storage, [20, 300 * KB, 20, 300 * KB, 300 * KB, 20])
      const { items, sizes } = await everyPage((cursor) =>
        storage.readings.list(Sensor, { deviceId, order: 'asc' }, { limit: 100, maxBytes: 100 * KB, cursor }),
      )
      expect(sizes).toEqual([1, 1, 1, 1, 1, 1])
      expect(items.map((item) => indexOf(readingOf(Sensor, item, 'config')))).toEqual(upTo(6))
    })

    test('bytes and long JSON of one row count together, and every value comes whole', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const frame = new Uint8Array(60 * KB).fill(255)
      for (const index of upTo(4))
        await store(storage, Sensor, deviceId, [
          sample(Sensor, deviceId, T0 + index, { config: json(index, 60 * KB), frame }),
        ])
      const { items, sizes } = await everyPage((cursor) =>
        storage.readings.list(Sensor, { deviceId, order: 'asc' }, { limit: 100, maxBytes: 250 * KB, cursor }),
      )
      expect(sizes).toEqual([2, 2])
      for (const [index, item] of items.entries()) {
        expect(readingOf(Sensor, item, 'config')).toBe(json(index, 60 * KB))
        expect(Buffer.compare(readingOf(Sensor, item, 'frame') as Uint8Array, frame)).toBe(0)
      }
    })

    test('unless somebody says otherwise, a page holds 8 MiB', async () => {
      const { storage } = shared
      const deviceId = await withSamples(storage, Array(10).fill(MB))
      const first = await storage.readings.list(Sensor, { deviceId }, { limit: 1000 })
      expect(first.items.map((item) => indexOf(readingOf(Sensor, item, 'config')))).toEqual([
        9, 8, 7, 6, 5, 4, 3,
      ])
      expect(first.cursor).not.toBeNull()
      const bytes = first.items.reduce(
        (sum, item) => sum + String(readingOf(Sensor, item, 'config')).length,
        0,
      )
      expect(bytes).toBeLessThanOrEqual(PAGE_BYTES)
    })

    test('many small rows are bounded too', async () => {
      const { storage } = shared
      const deviceId = await withSamples(storage, Array(30).fill(null))
      const { items, sizes } = await everyPage((cursor) =>
        storage.readings.list(Sensor, { deviceId }, { limit: 100, maxBytes: 10 * KB, cursor }),
      )
      expect(items).toHaveLength(30)
      expect(Math.max(...sizes)).toBeLessThanOrEqual(20)
    })

    test('messages: payloads as JSON and as bytes', async () => {
      const { storage } = shared
      const deviceId = newId()
      for (const index of upTo(6))
        await storage.commit(
          batch([
            entry(Sensor, deviceId, [], {
              correlationId: String(index),
              payloadJson: index % 2 ? json(index, 100 * KB) : null,
              payloadRaw: index % 2 ? null : new Uint8Array(100 * KB).fill(index),
            }),
          ]),
        )
      const { items, sizes } = await everyPage((cursor) =>
        storage.messages.list(Sensor, { deviceId }, { limit: 100, maxBytes: 250 * KB, cursor }),
      )
      expect(sizes).toEqual([2, 2, 2])
      expect(items.map(({ correlationId }) => Number(correlationId))).toEqual(upTo(6).reverse())
      for (const { correlationId, payloadJson, payloadRaw } of items) {
        const index = Number(correlationId)
        if (index % 2) expect(payloadJson).toBe(json(index, 100 * KB))
        else expect(Buffer.compare(payloadRaw as Uint8Array, Buffer.alloc(100 * KB, index))).toBe(0)
      }
    })

    test('the log: over several types, no row skipped, none twice, in order per device', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const types = [Sensor, Meter, null]
      for (const index of upTo(12)) {
        const type = types[index % 3] ?? null
        await storage.commit(
          batch([
            entry(type, `of ${index % 3}`, [], { payloadJson: json(index, index < 6 ? 100 * KB : 50) }),
          ]),
        )
      }
      const seen: number[] = []
      let cursor: string | null = null
      for (;;) {
        const page: LogPage = await storage.log.read(types, cursor, 100, 250 * KB)
        if (page.messages.length === 0) break
        const bytes = page.messages.reduce((sum, { payloadJson }) => sum + (payloadJson?.length ?? 0), 0)
        expect(bytes).toBeLessThanOrEqual(350 * KB)
        seen.push(...page.messages.map(({ payloadJson }) => indexOf(payloadJson)))
        cursor = page.cursor
      }
      expect([...seen].sort((a, b) => a - b)).toEqual(upTo(12))
      for (const which of upTo(3))
        expect(seen.filter((index) => index % 3 === which)).toEqual(
          upTo(12).filter((index) => index % 3 === which),
        )
    })

    test('the log says when a page ended for its bytes', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      for (const index of upTo(3))
        await storage.commit(batch([entry(Sensor, 'a', [], { payloadJson: json(index, 100 * KB) })]))
      const first = await storage.log.read([Sensor], null, 100, 250 * KB)
      expect(first.messages.map(({ payloadJson }) => indexOf(payloadJson))).toEqual([0, 1])
      expect(first.more).toBe(true)
      const second = await storage.log.read([Sensor], first.cursor, 100, 250 * KB)
      expect(second.messages.map(({ payloadJson }) => payloadJson)).toEqual([json(2, 100 * KB)])
      expect(second.more ?? false).toBe(false)
      const whole = await storage.log.read([Sensor], null, 1000)
      expect(whole.messages).toHaveLength(3)
    })

    test('devices: by their metadata and state', async () => {
      const { storage } = shared
      const stem = newId('paged')
      const state = Sensor.stateNames.map((name) => (name === 'settings' ? json(7, 40 * KB) : null))
      for (const index of upTo(5))
        await storage.devices.create(
          Sensor,
          device(Sensor, `${stem}-${index}`, {
            metadata: JSON.stringify({ text: 'x'.repeat(60 * KB) }),
            state,
            createdAt: T0 + index,
            lastSeen: 1_000 + index,
            status: 'maintenance',
          }),
        )
      const named = conditionOf(Sensor, { search: stem })
      const list = await everyDevice(storage, Sensor, named, { limit: 100, maxBytes: 250 * KB })
      expect(list.sizes).toEqual([2, 2, 1])
      expect(list.items.map(({ deviceId }) => deviceId)).toEqual(
        upTo(5).map((index) => `${stem}-${4 - index}`),
      )
      for (const one of list.items) {
        expect(JSON.parse(one.metadata)).toEqual({ text: 'x'.repeat(60 * KB) })
        expect(one.state).toEqual(state)
      }
      const overdue = await everyPage((cursor) =>
        storage.devices.overdue(Sensor, {
          before: 2_000,
          statuses: ['maintenance'],
          limit: 100,
          maxBytes: 250 * KB,
          cursor,
        }),
      )
      expect(overdue.sizes).toEqual([2, 2, 1])
      expect(overdue.items.map(({ state }) => state)).toEqual(Array(5).fill(state))
    })

    test('last values and latest samples of many devices: more than 16 MiB together are refused', async () => {
      const { storage } = shared
      const deviceIds: string[] = []
      for (const _ of upTo(17)) deviceIds.push(await withSamples(storage, [MB]))
      const few = deviceIds.slice(0, 10)
      const values = await storage.readings.latest(Sensor, few)
      expect(values.map(({ deviceId }) => deviceId).sort()).toEqual(few)
      const config = Sensor.readingNames.indexOf('config')
      for (const one of values) expect(one.values[config]?.value).toBe(json(0, MB))
      const samples = await storage.readings.latestSamples(Sensor, few)
      expect(samples.map((one) => readingOf(Sensor, one, 'config'))).toEqual(Array(10).fill(json(0, MB)))
      await expect(storage.readings.latest(Sensor, deviceIds)).rejects.toEqual(errorOf('invalid_query'))
      await expect(storage.readings.latestSamples(Sensor, deviceIds)).rejects.toEqual(
        errorOf('invalid_query'),
      )
    })

    test('a budget that is none is refused', async () => {
      const { storage } = shared
      for (const maxBytes of [0, -1, 1.5, Number.NaN, '1' as never]) {
        const page = { limit: 10, maxBytes }
        await expect(storage.readings.list(Sensor, {}, page)).rejects.toEqual(errorOf('invalid_query'))
        await expect(storage.log.read([Sensor], null, 10, maxBytes)).rejects.toEqual(errorOf('invalid_query'))
      }
    })
  })
}

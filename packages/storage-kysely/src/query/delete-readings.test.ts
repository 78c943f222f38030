import { defineDeviceType, reading } from '@devicehub/core'
import { conditionOf, newDeviceRecord } from '@devicehub/core/storage'
import { expect, test } from 'vitest'
import { detectDialect } from '../connection/detect-dialect.js'
import { kyselyConnection } from '../connection/kysely-connection.js'
import { kyselyStorage } from '../kysely-storage.js'
import { describeDatabases } from '../testing/describe-databases.js'
import { batch, entry, T0 } from '../testing/rows.js'
import { createDeviceStore } from './device-store.js'

const Meter = defineDeviceType('meter', { readings: { a: reading.float() } })
const ROWS = 12_000

describeDatabases('deleting a device with many readings', (open) => {
  test('goes in steps; after a break the device is still there, and one created again has none of its readings', async () => {
    const { connect, cleanup } = await open()
    const db = connect()
    const storage = kyselyStorage({ db, closeDb: true }).open({ types: [Meter] })
    const connection = kyselyConnection(db, detectDialect(db))
    const deleted: number[] = []
    let breakAfter = 1
    const devices = createDeviceStore(
      {
        ...connection,
        async run(query) {
          const result = await connection.run(query)
          if (result.affected > 0 && deleted.push(result.affected) === breakAfter) throw new Error('a break')
          return result
        },
      },
      () => {},
    )
    try {
      await storage.migrate()
      const create = () => storage.devices.create(Meter, newDeviceRecord(Meter, { deviceId: 'd' }, T0))
      await create()
      await storage.devices.create(Meter, newDeviceRecord(Meter, { deviceId: 'other' }, T0))
      const samples = Array.from({ length: ROWS }, (_, index) => sampleOf('d', index))
      for (let from = 0; from < ROWS; from += 1_000)
        await storage.commit(batch([entry(Meter, 'd', samples.slice(from, from + 1_000))]))
      await storage.commit(batch([entry(Meter, 'other', [sampleOf('other', 1)])]))
      const count = async (deviceId: string) =>
        (await storage.readings.list(Meter, { deviceId }, { limit: 20_000 })).items.length

      await expect(devices.delete(Meter, 'd', T0)).rejects.toThrow('deleting the device d')
      expect(await storage.devices.find(Meter, ['d'])).toHaveLength(1)
      const left = await count('d')
      expect(left).toBeGreaterThan(0)
      expect(left).toBeLessThan(ROWS)

      breakAfter = Number.POSITIVE_INFINITY
      expect(await devices.delete(Meter, 'd', T0)).toBe(true)
      expect(deleted.length).toBeGreaterThan(1)
      expect(Math.max(...deleted)).toBeLessThan(5_100)
      expect(await devices.delete(Meter, 'd', T0)).toBe(false)
      await create()
      expect(await count('d')).toBe(0)
      expect(await count('other')).toBe(1)
    } finally {
      await storage.close()
      await cleanup()
    }
  })

  test('none of a device outside the scope; it stops once the device has left it', async () => {
    const { connect, cleanup } = await open()
    const db = connect()
    const storage = kyselyStorage({ db, closeDb: true }).open({ types: [Meter] })
    const connection = kyselyConnection(db, detectDialect(db))
    try {
      await storage.migrate()
      const labels = { customer: 'a' }
      await storage.devices.create(Meter, newDeviceRecord(Meter, { deviceId: 'd', labels }, T0))
      for (let from = 0; from < ROWS; from += 1_000)
        await storage.commit(
          batch([
            entry(
              Meter,
              'd',
              Array.from({ length: 1_000 }, (_, index) => sampleOf('d', from + index)),
            ),
          ]),
        )
      const count = async () =>
        (await storage.readings.aggregate(Meter, { deviceId: 'd', field: 'a', fn: 'count' }))[0]?.result
      const within = (customer: string) => conditionOf(Meter, { labels: { customer } }, T0)

      expect(await storage.devices.delete(Meter, 'd', T0, within('b'))).toBe(false)
      expect(await count()).toBe(ROWS)

      // It leaves behind the first step.
      const leaving = createDeviceStore(
        {
          ...connection,
          async transaction(options, run) {
            const result = await connection.transaction(options, run)
            await storage.devices.update(Meter, 'd', { labels: { customer: 'b' } }, T0 + 1)
            return result
          },
        },
        () => {},
      )
      expect(await leaving.delete(Meter, 'd', T0, within('a'))).toBe(false)
      expect(await storage.devices.find(Meter, ['d'])).toHaveLength(1)
      const left = await count()
      expect(left).toBeGreaterThanOrEqual(ROWS - 5_100)
      expect(left).toBeLessThan(ROWS)
      expect(await storage.devices.delete(Meter, 'd', T0, within('b'))).toBe(true)
      expect(await count()).toBe(0)
    } finally {
      await storage.close()
      await cleanup()
    }
  })
})

const sampleOf = (deviceId: string, index: number) => ({
  deviceId,
  // Several of one time.
  timestamp: T0 + Math.floor(index / 3),
  receivedAt: T0,
  orderAt: T0,
  sampleId: null,
  contentHash: index,
  flags: null,
  values: [index],
})

import { defineDeviceType, memoryStorage, reading, type StorageAdapter } from '@devicehub/core'
import type { SeriesQuery } from '@devicehub/core/storage'
import { Kysely, SqliteDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { openBetterSqlite } from '../testing/better-sqlite.js'
import { batch, entry, sample, T0 } from '../testing/rows.js'
import { SQLITE_DRIVERS } from '../testing/sqlite-drivers.js'

const Meter = defineDeviceType('meter', { readings: { power: reading.float(), total: reading.integer() } })
const HOUR = 3_600_000
const BUCKETS = 5

const query: SeriesQuery = {
  devices: { deviceIds: ['a'] },
  groupBy: 'device',
  figures: (['avg', 'min', 'max', 'count', 'first', 'last'] as const).flatMap((fn) => [
    { field: 'power', fn },
    { field: 'total', fn },
  ]),
  // The last bucket is empty.
  edges: Array.from({ length: BUCKETS + 2 }, (_, index) => T0 + index * HOUR),
  now: T0 + 100 * HOUR,
}

/** Of a device with so many samples in each bucket but the last. */
async function seriesOf(adapter: StorageAdapter, samples: number) {
  const storage = adapter.open({ types: [Meter] })
  await storage.migrate()
  const all = Array.from({ length: samples * BUCKETS }, (_, n) =>
    sample('a', { timestamp: T0 + Math.floor((n * HOUR) / samples) }, [n % 3 === 0 ? null : n * 1.5, n]),
  )
  await storage.commit(batch([entry(Meter, 'a', all)]))
  const rows = await storage.readings.series(Meter, query)
  await storage.close()
  return [...rows].sort((a, b) => a.bucket - b.bucket)
}

// Which statements are run is told by Kysely's own dialect alone, which needs this driver.
describe.runIf(SQLITE_DRIVERS.includes('better-sqlite3'))('a series of one device', () => {
  test.each([
    [2, false],
    [60, true],
  ])('of %i samples a bucket is read bucket by bucket: %s, and is the same', async (samples, inRanges) => {
    const statements: string[] = []
    const db = new Kysely<unknown>({
      dialect: new SqliteDialect({ database: openBetterSqlite(':memory:') }),
      log: ({ query: { sql } }) => void statements.push(sql),
    })
    const rows = await seriesOf(kyselyStorage({ db, closeDb: true }), samples)
    expect(rows).toEqual(await seriesOf(memoryStorage(), samples))
    expect(rows).toHaveLength(BUCKETS)
    const series = statements.filter((text) => text.startsWith('select') && text.includes('"f0"'))
    expect(series).not.toEqual([])
    expect(series.some((text) => text.includes(' union all '))).toBe(inRanges)
  })
})

import { defineDeviceType, reading } from '@devicehub/core'
import { CompiledQuery, Kysely, SqliteDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { openBetterSqlite } from '../testing/better-sqlite.js'
import { batch, entry, sample, T0 } from '../testing/rows.js'
import { SQLITE_DRIVERS } from '../testing/sqlite-drivers.js'

const Station = defineDeviceType('station', { readings: { temperature: reading.float() } })
const BY_TIME = 'station_reading_by_time'

/** A storage with the index, and what plans the statements of some work have. */
async function opened() {
  const statements: CompiledQuery[] = []
  const db = new Kysely<unknown>({
    dialect: new SqliteDialect({ database: openBetterSqlite(':memory:', {}) }),
    log: ({ query }) => void statements.push(query),
  })
  const storage = kyselyStorage({ db, closeDb: true, indexReadingsByTime: true }).open({ types: [Station] })
  await storage.migrate()
  await storage.commit(
    batch(['a', 'b'].map((deviceId) => entry(Station, deviceId, [sample(deviceId, {}, [20])]))),
  )
  return {
    storage,
    db,
    async plansOf(work: () => Promise<unknown>): Promise<string[]> {
      statements.length = 0
      await work()
      const reads = statements.filter(({ sql }) => /^(select|insert into "station_latest")/.test(sql))
      const plans = await Promise.all(
        reads.map(({ sql, parameters }) =>
          db.executeQuery<{ detail: string }>(
            CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]),
          ),
        ),
      )
      return plans.flatMap(({ rows }) => rows.map(({ detail }) => detail))
    },
    [Symbol.asyncDispose]: () => storage.close(),
  }
}

// Which statements are run is told by Kysely's own dialect alone, which needs this driver.
describe.runIf(SQLITE_DRIVERS.includes('better-sqlite3'))('an index of readings by time', () => {
  test('serves the newest of all devices', async () => {
    await using at = await opened()
    const plans = await at.plansOf(() => at.storage.readings.list(Station, {}, { limit: 10 }))
    expect(plans).toEqual([`SCAN t USING INDEX ${BY_TIME}`])
  })

  test('is not taken to find the samples of a device, which would go through those of all devices of that time', async () => {
    await using at = await opened()
    const { readings } = at.storage
    const plans = await at.plansOf(async () => {
      expect(await readings.latestSamples(Station, ['a', 'b'])).toHaveLength(2)
      await readings.list(Station, { deviceId: 'a' }, { limit: 10 })
      await readings.list(Station, { deviceId: 'a', from: T0, to: T0 + 1 }, { limit: 10 })
      await readings.scan(Station, { deviceIds: ['a'], fields: ['temperature'] }, { limit: 10 })
    })
    expect(plans.length).toBeGreaterThan(3)
    expect(plans.filter((line) => line.includes(BY_TIME))).toEqual([])
  })

  test('nor where a migration fills the table of last values', async () => {
    await using at = await opened()
    await at.db.executeQuery(CompiledQuery.raw('drop table station_latest'))
    const { steps } = await at.storage.plan()
    await at.storage.migrate()
    const fill = steps.flatMap(({ sql }) => sql).find((text) => text.startsWith('insert into'))
    const { rows } = await at.db.executeQuery<{ detail: string }>(
      CompiledQuery.raw(`explain query plan ${fill}`),
    )
    const plan = rows.map(({ detail }) => detail)
    expect(plan.filter((line) => line.includes('content_key'))).not.toEqual([])
    expect(plan.filter((line) => line.includes(BY_TIME))).toEqual([])
  })
})

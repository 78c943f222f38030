import { type AnyDeviceType, defineDeviceType, type NewSample, reading } from '@devicehub/core'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { batch, device, entry, sample, T0 } from '../testing/rows.js'
import { latestTimeColumn } from './latest-table.js'
import { quoteName } from './quote.js'
import { describeDatabases, type TestDatabase } from './testing/databases.js'
import { type AnyTables, insert, readingRow, time } from './testing/rows.js'

const Station: AnyDeviceType = defineDeviceType('station', {
  readings: { temperature: reading.float(), count: reading.integer(), note: reading.string() },
})

function storageOf(database: TestDatabase, type: AnyDeviceType = Station) {
  return kyselyStorage({ db: database.connect() }).open({ types: [type] })
}
type Opened = ReturnType<typeof storageOf>

/** As a release before last values left it: its readings and their index by id alone. */
async function asBefore(database: TestDatabase): Promise<void> {
  const db = database.connect<AnyTables>()
  const { dialect } = database
  const on = dialect === 'mysql' ? sql` on station_reading` : sql``
  const where = dialect === 'mysql' ? sql`` : sql` where sample_id is not null`
  await sql`drop table station_latest`.execute(db)
  await sql`drop index station_reading_sample_key${on}`.execute(db)
  if (dialect !== 'mysql') await sql`drop index station_reading_reordered`.execute(db)
  await sql`alter table station_reading drop column order_at`.execute(db)
  await sql`alter table station_reading drop column sample_reuse`.execute(db)
  await sql`create unique index station_reading_sample_key on station_reading (device_id, sample_id)${where}`.execute(
    db,
  )
  await sql`delete from devicehub_schema where table_name = 'station_latest' or column_name in ('order_at', 'sample_reuse')`.execute(
    db,
  )
}

const lastOf = async (storage: Opened, type: AnyDeviceType = Station, deviceId = 'd1') =>
  (await storage.readings.latest(type, [deviceId]))[0]?.values.map(
    (last) => last && [last.value, last.at - T0],
  )

const send = (storage: Opened, given: NewSample, type: AnyDeviceType = Station) =>
  storage.commit(batch([entry(type, given.deviceId, [given])]))

test('the column of a time is named after its reading, and fits however long that name is', () => {
  expect(latestTimeColumn('temperature')).toBe('temperature__at')
  const names = [`${'a'.repeat(62)}b`, `${'a'.repeat(62)}c`, 'a'.repeat(60), 'a'.repeat(59)].map(
    latestTimeColumn,
  )
  expect(new Set(names).size).toBe(4)
  for (const name of names) expect(name).toMatch(/^[a-z0-9_]{61,63}$/)
})

describeDatabases('a database from before last values', (open) => {
  async function upgraded(rows: readonly Record<string, unknown>[]) {
    const database = await open()
    const before = storageOf(database)
    await before.migrate()
    await before.devices.ensure(Station, [
      device(Station, 'd1'),
      device(Station, 'd2'),
      device(Station, 'd3'),
    ])
    await asBefore(database)
    const at = (offset: number) => time(database.dialect, T0 + offset)
    for (const { timestamp, received_at, ...row } of rows)
      await insert(
        database.connect<AnyTables>(),
        'station_reading',
        readingRow(database.dialect, {
          ...row,
          timestamp: at(timestamp as number),
          received_at: at((received_at ?? timestamp) as number),
        }),
      )
    const storage = storageOf(database)
    const plan = await storage.plan()
    expect(plan.steps.filter(({ destructive }) => destructive)).toEqual([])
    await storage.migrate()
    expect(await storage.plan()).toEqual({ steps: [] })
    return { database, storage, plan, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
  }

  test('has them afterwards, from the readings there are', async () => {
    await using opened = await upgraded([
      { timestamp: 1, temperature: 1, count: 10 },
      { timestamp: 5, temperature: 2 },
      { timestamp: 5, temperature: 3 },
      { timestamp: 3, count: 11 },
      { timestamp: 9 },
      { device_id: 'd2', timestamp: 2, note: 'x' },
      // A clock ahead of the hub's, which ordered by then.
      {
        device_id: 'd2',
        timestamp: 9_000_000_000,
        received_at: 1,
        note: 'ahead',
        flags: 'clock_skew',
        count: 7,
      },
    ])
    const { storage } = opened
    expect(await lastOf(storage)).toEqual([[3, 5], [11, 3], null])
    expect((await storage.readings.latest(Station, ['d1']))[0]?.orderAt).toBe(T0 + 9)
    expect(await lastOf(storage, Station, 'd2')).toEqual([null, [7, 1], ['x', 2]])
    expect(await lastOf(storage, Station, 'd3')).toBeUndefined()
    expect((await storage.readings.latestSamples(Station, ['d2']))[0]?.values[2]).toBe('x')
    await send(storage, sample('d1', { timestamp: T0 + 4 }, [9, 12, null]), Station)
    expect(await lastOf(storage)).toEqual([[3, 5], [12, 4], null])
  })

  test('its samples are known by id: the same one sent again is a duplicate, another one is stored and flagged', async () => {
    await using opened = await upgraded([
      { timestamp: 1, received_at: 2, sample_id: 'timed', temperature: 1.5, note: 'n' },
      { timestamp: 5, sample_id: 'mac', temperature: 2 },
    ])
    const { storage } = opened
    const one = (
      id: string,
      timestamp: number,
      receivedAt: number,
      values: readonly (number | string | null)[],
    ) =>
      sample(
        'd1',
        {
          sampleId: id,
          timestamp: T0 + timestamp,
          receivedAt: T0 + receivedAt,
          contentHash: timestamp * 1000 + 10 * Number(values[0]),
        },
        values,
      )
    expect(await send(storage, one('timed', 1, 99, [1.5, null, 'n']))).toMatchObject({ duplicates: [1] })
    expect(await send(storage, one('mac', 99, 99, [2, null, null]))).toMatchObject({ duplicates: [1] })
    const reused = { duplicates: null, reusedIds: new Map([[0, [0]]]) }
    expect(await send(storage, one('timed', 2, 99, [1.5, null, 'n']))).toMatchObject(reused)
    expect(await send(storage, one('mac', 100, 100, [3, null, null]))).toMatchObject(reused)
    expect(await send(storage, one('mac', 101, 101, [2, null, null]))).toMatchObject(reused)
    expect((await storage.readings.list(Station, {}, { limit: 10 })).items).toHaveLength(5)
  })
})

describeDatabases('the table of last values', (open) => {
  test('follows its type: renamed, widened, withdrawn, of another kind', async () => {
    await using database = await open()
    const before = storageOf(database)
    await before.migrate()
    await before.devices.ensure(Station, [device(Station, 'd1')])
    await send(before, sample('d1', {}, [1.5, 2, 'x']))
    const Renamed: AnyDeviceType = defineDeviceType('station', {
      readings: {
        celsius: reading.float({ renamedFrom: 'temperature' }),
        count: reading.float(),
        note: reading.string(),
      },
    })
    const renamed = storageOf(database, Renamed)
    await renamed.migrate()
    expect(await lastOf(renamed, Renamed)).toEqual([
      [1.5, 0],
      [2, 0],
      ['x', 0],
    ])
    await send(renamed, sample('d1', { timestamp: T0 + 5 }, [null, 2.5, null]), Renamed)
    const Other: AnyDeviceType = defineDeviceType('station', {
      readings: { celsius: reading.float(), note: reading.datetime() },
    })
    const other = storageOf(database, Other)
    await expect(other.migrate()).rejects.toMatchObject({ code: 'schema_refused' })
    expect(await lastOf(renamed, Renamed)).toEqual([
      [1.5, 0],
      [2.5, 5],
      ['x', 0],
    ])
    await other.migrate({ allowDestructive: true })
    expect(await other.plan()).toEqual({ steps: [] })
    expect(await lastOf(other, Other)).toEqual([[1.5, 0], null])
    await send(other, sample('d1', { timestamp: T0 + 1 }, [null, T0]), Other)
    expect(await lastOf(other, Other)).toEqual([
      [1.5, 0],
      [T0, 1],
    ])
  })

  test('is made again from the readings once it was dropped', async () => {
    await using database = await open()
    const storage = storageOf(database)
    await storage.migrate()
    await storage.devices.ensure(Station, [device(Station, 'd1')])
    await send(storage, sample('d1', {}, [1.5, null, 'x']))
    await send(storage, sample('d1', { timestamp: T0 + 1, orderAt: T0 - 3 }, [9, 4, null]))
    const values = await storage.readings.latest(Station, ['d1'])
    await sql`drop table ${sql.raw(quoteName(database.dialect, 'station_latest'))}`.execute(
      database.connect(),
    )
    const { steps } = await storage.migrate()
    expect(steps.map(({ description }) => description)).toEqual([
      'Create the table station_latest from the rows of station_reading',
    ])
    expect(await storage.readings.latest(Station, ['d1'])).toEqual(values)
  })
})

import { type AnyDeviceType, defineDeviceType, reading } from '@devicehub/core'
import type { NewSample } from '@devicehub/core/storage'
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

  test('a reading that is declared anew has its last values from the rows that kept it', async () => {
    await using database = await open()
    const first = storageOf(database)
    await first.migrate()
    await first.devices.ensure(Station, [device(Station, 'd1'), device(Station, 'd2')])
    await send(first, sample('d1', { timestamp: T0 + 2 }, [1.5, 4, 'x']))
    await send(first, sample('d1', { timestamp: T0 + 1, orderAt: T0 + 3 }, [1, 2, null]))
    // As a release before last values leaves it, whose successor does not declare all that it had.
    await asBefore(database)
    const Fewer: AnyDeviceType = defineDeviceType('station', { readings: { temperature: reading.float() } })
    const fewer = storageOf(database, Fewer)
    await fewer.migrate()
    await send(fewer, sample('d2', { timestamp: T0 }, [7]), Fewer)
    const Again: AnyDeviceType = defineDeviceType('station', {
      readings: {
        temperature: reading.float(),
        total: reading.integer({ renamedFrom: 'count' }),
        note: reading.string(),
        added: reading.string(),
      },
    })
    const again = storageOf(database, Again)
    const { steps } = await again.migrate()
    expect(steps.flatMap(({ description }) => (description.startsWith('Fill') ? [description] : []))).toEqual(
      [
        'Fill station_latest.total from the rows of station_reading',
        'Fill station_latest.note from the rows of station_reading',
      ],
    )
    expect(await again.plan()).toEqual({ steps: [] })
    expect(await lastOf(again, Again)).toEqual([[1.5, 2], [4, 2], ['x', 2], null])
    expect(await lastOf(again, Again, 'd2')).toEqual([[7, 0], null, null, null])
  })

  test('goes when its type keeps none any more, and is filled when it keeps them again', async () => {
    await using database = await open()
    const before = storageOf(database)
    await before.migrate()
    await before.devices.ensure(Station, [device(Station, 'd1')])
    await send(before, sample('d1', {}, [1.5, 2, null]))
    const Unkept: AnyDeviceType = defineDeviceType('station', {
      readings: Station.readings as Record<string, ReturnType<typeof reading.float>>,
      lastValues: false,
    })
    const without = storageOf(database, Unkept)
    await expect(without.migrate()).rejects.toMatchObject({
      code: 'schema_refused',
      message: expect.stringContaining('Drop the table station_latest: station keeps no last values'),
    })
    await without.migrate({ allowDestructive: true })
    expect(await without.plan()).toEqual({ steps: [] })
    await send(without, sample('d1', { timestamp: T0 + 1 }, [2.5, null, null]), Unkept)
    const last = [[2.5, 1], [2, 0], null]
    expect(await lastOf(without, Unkept)).toEqual(last)
    // Somebody else's by now.
    await sql`create table station_latest (mine integer)`.execute(database.connect())
    expect(await without.plan()).toEqual({ steps: [] })
    await sql`drop table station_latest`.execute(database.connect())
    const after = storageOf(database)
    await after.migrate()
    expect(await lastOf(after)).toEqual(last)
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

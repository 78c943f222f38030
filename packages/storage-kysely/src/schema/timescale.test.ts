import { describeWith, hasExtension } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createSchema } from './create-schema.js'
import type { TimescaleOptions } from './schema-options.js'
import { postgresDatabase } from './testing/databases.js'
import { deviceType, field } from './testing/device-types.js'
import { type AnyTables, insert, readingRow, rowsOf, time } from './testing/rows.js'

const Station = deviceType('station', { temperature: field('float') })

describeWith(
  { postgres: { settings: { fsync: 'off' } } },
  'PostgreSQL without TimescaleDB',
  ({ postgres }) => {
    test('says what to install', async ({ skip }) => {
      skip(await hasExtension(postgres(), 'timescaledb'), 'this server offers the extension')
      await using database = await postgresDatabase(postgres())
      const schema = createSchema({
        db: database.connect(),
        dialect: 'postgres',
        types: [Station],
        options: { timescale: {} },
      })
      await expect(schema.plan()).rejects.toMatchObject({
        code: 'missing_dependency',
        message: expect.stringContaining('shared_preload_libraries'),
      })
      await expect(schema.migrate()).rejects.toMatchObject({ code: 'missing_dependency' })
    })
  },
)

const settings = { fsync: 'off', 'timescaledb.telemetry_level': 'off' }

describeWith({ timescaledb: { settings } }, 'TimescaleDB', ({ timescaledb }) => {
  async function opened() {
    const database = await postgresDatabase(timescaledb())
    const db = database.connect<AnyTables>()
    return {
      db,
      schema: (timescale: TimescaleOptions | null, type = Station) =>
        createSchema({ db, dialect: 'postgres', types: [type], options: { timescale } }),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    }
  }

  const jobs = async (db: Awaited<ReturnType<typeof opened>>['db']) =>
    (
      await sql<{ job: string; after: string }>`
        select proc_name as job, coalesce(config ->> 'drop_after', config ->> 'compress_after') as after
        from timescaledb_information.jobs where hypertable_name = 'station_reading' order by proc_name`.execute(
        db,
      )
    ).rows

  const chunkInterval = async (db: Awaited<ReturnType<typeof opened>>['db']) =>
    (
      await sql<{ days: number }>`
        select extract(epoch from time_interval)::int / 86400 as days from timescaledb_information.dimensions`.execute(
        db,
      )
    ).rows.map(({ days }) => days)

  test('readings become a hypertable of 7 days a chunk, and there is nothing to do after that', async () => {
    await using timescale = await opened()
    const { db } = timescale
    const schema = timescale.schema({})
    await schema.migrate()
    expect(await schema.plan()).toEqual({ steps: [] })
    expect(await chunkInterval(db)).toEqual([7])
    expect(await jobs(db)).toEqual([])
    const day = 86_400_000
    await insert(
      db,
      'station_reading',
      ...[0, 30, 60].map((days) => readingRow('postgres', { timestamp: time('postgres', days * day) })),
    )
    const { rows } = await sql<{
      count: string
    }>`select count(*) from show_chunks('station_reading')`.execute(db)
    expect(rows).toEqual([{ count: '3' }])
  })

  test('invariant 2: a sample is unique by id and time, else by time and content', async () => {
    await using timescale = await opened()
    const { db } = timescale
    await timescale.schema({}).migrate()
    const add = (values: Record<string, unknown>) =>
      insert(db, 'station_reading', readingRow('postgres', values))
    await add({ sample_id: 'a' })
    await expect(add({ sample_id: 'a' })).rejects.toThrow()
    await add({ content_hash: 7 })
    await expect(add({ content_hash: 7 })).rejects.toThrow()
    await add({})
    await add({})
    expect(await rowsOf(db, 'station_reading')).toHaveLength(4)
  })

  test('policies are made, changed, left alone and removed as declared', async () => {
    await using timescale = await opened()
    const { db } = timescale
    await timescale.schema({ retention: '90d', compressAfter: '14d' }).migrate()
    expect(await jobs(db)).toEqual([
      { job: 'policy_compression', after: '14 days' },
      { job: 'policy_retention', after: '90 days' },
    ])
    const changed = timescale.schema({
      chunkInterval: '1d',
      retention: '365d',
      compressAfter: '14d',
    })
    expect((await changed.migrate()).steps.map(({ description }) => description)).toEqual([
      'Let new chunks of station_reading span 1 days',
      'Start dropping chunks of station_reading older than 365 days',
    ])
    expect(await changed.plan()).toEqual({ steps: [] })
    expect(await chunkInterval(db)).toEqual([1])
    expect(await jobs(db)).toMatchObject([
      { job: 'policy_compression' },
      { job: 'policy_retention', after: '365 days' },
    ])

    expect(await timescale.schema({ chunkInterval: '1d' }).plan()).toEqual({ steps: [] })
    const removed = timescale.schema({ chunkInterval: '1d', retention: null, compressAfter: null })
    await removed.migrate()
    expect(await jobs(db)).toEqual([])
    expect(await removed.plan()).toEqual({ steps: [] })
  })

  test('a plain table with rows becomes a hypertable and keeps them', async () => {
    await using timescale = await opened()
    const { db } = timescale
    await timescale.schema(null).migrate()
    await insert(db, 'station_reading', readingRow('postgres', { sample_id: 'a', temperature: 3 }))
    const schema = timescale.schema({})
    await schema.migrate()
    expect(await schema.plan()).toEqual({ steps: [] })
    expect(await rowsOf(db, 'station_reading')).toMatchObject([{ sample_id: 'a', temperature: 3 }])
    expect(await chunkInterval(db)).toEqual([7])
  })

  test('a hypertable without the option is refused: its keys differ', async () => {
    await using timescale = await opened()
    await timescale.schema({}).migrate()
    await expect(timescale.schema(null).migrate()).rejects.toMatchObject({
      code: 'schema_refused',
      message: expect.stringContaining('station_reading: a TimescaleDB hypertable'),
    })
  })

  test('a compressed hypertable gains a reading', async () => {
    await using timescale = await opened()
    const { db } = timescale
    await timescale.schema({ compressAfter: '14d' }).migrate()
    await insert(db, 'station_reading', readingRow('postgres', { temperature: 3 }))
    await sql`select compress_chunk(c) from show_chunks('station_reading') c`.execute(db)
    const Grown = deviceType('station', { temperature: field('float'), humidity: field('float') })
    const schema = timescale.schema({ compressAfter: '14d' }, Grown)
    await schema.migrate()
    expect(await schema.plan()).toEqual({ steps: [] })
    await insert(db, 'station_reading', readingRow('postgres', { humidity: 4 }))
    expect(await rowsOf(db, 'station_reading')).toMatchObject([
      { temperature: 3, humidity: null },
      { temperature: null, humidity: 4 },
    ])
  })
})

import { defineDeviceType, reading, state } from '@devicehub/core'
import { type Kysely, type Selectable, sql } from 'kysely'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { createSchema } from '../schema/create-schema.js'
import { describeDatabases } from '../schema/testing/databases.js'
import type { InferDatabase } from './infer-database.js'

const WeatherStation = defineDeviceType('Weather_Station', {
  readings: {
    temperature: reading.float({ unit: '°C' }),
    drops: reading.integer(),
    raining: reading.boolean(),
    note: reading.string({ nullable: false }),
    sky: reading.enum(['clear', 'cloudy']),
    calibrated_at: reading.datetime(),
    extra: reading.json({ schema: z.object({ a: z.number() }) }),
    photo: reading.binary(),
    place: reading.geo(),
  },
  state: {
    recording_mode: state.enum(['continuous', 'burst'], { default: 'continuous' }),
    gain: state.float(),
  },
})
const Valve = defineDeviceType('valve', { readings: { open: reading.boolean() } })
const types = [WeatherStation, Valve] as const
type Database<Dialect extends 'sqlite' | 'postgres' | 'mysql' = 'sqlite'> = InferDatabase<
  typeof types,
  Dialect
>

describe('InferDatabase', () => {
  test('has the tables of each type and those of no type', () => {
    expectTypeOf<keyof Database>().toEqualTypeOf<
      | 'weatherstation_device'
      | 'weatherstation_reading'
      | 'weatherstation_latest'
      | 'weatherstation_message'
      | 'valve_device'
      | 'valve_reading'
      | 'valve_latest'
      | 'valve_message'
      | 'devicehub_message'
      | 'devicehub_lease'
      | 'devicehub_consumer'
      | 'devicehub_consumer_failure'
      | 'devicehub_command'
      | 'devicehub_twin'
      | 'devicehub_credential'
      | 'devicehub_access'
      | 'devicehub_claim_key'
      | 'devicehub_claim'
      | 'devicehub_label'
    >()
    expectTypeOf<InferDatabase<[]>>().toEqualTypeOf<
      Pick<
        Database,
        | 'devicehub_message'
        | 'devicehub_lease'
        | 'devicehub_consumer'
        | 'devicehub_consumer_failure'
        | 'devicehub_command'
        | 'devicehub_twin'
        | 'devicehub_credential'
        | 'devicehub_access'
        | 'devicehub_claim_key'
        | 'devicehub_claim'
        | 'devicehub_label'
      >
    >()
  })

  test("gives each reading the type of the dialect's driver", () => {
    type Row<Dialect extends 'sqlite' | 'postgres' | 'mysql'> = Selectable<
      Database<Dialect>['weatherstation_reading']
    >
    expectTypeOf<Row<'sqlite'>>().toEqualTypeOf<{
      id: number
      device_id: string
      timestamp: number
      received_at: number
      sample_id: string | null
      content_hash: number | null
      order_at: number | null
      sample_reuse: number
      flags: string | null
      temperature: number | null
      drops: number | null
      raining: number | null
      note: string | null
      sky: 'clear' | 'cloudy' | null
      calibrated_at: number | null
      extra: string | null
      photo: Buffer | null
      place: string | null
    }>()
    expectTypeOf<Row<'mysql'>>().toEqualTypeOf<Row<'sqlite'>>()
    expectTypeOf<Row<'postgres'>>().toEqualTypeOf<
      Omit<
        Row<'sqlite'>,
        | 'id'
        | 'timestamp'
        | 'received_at'
        | 'order_at'
        | 'content_hash'
        | 'sample_reuse'
        | 'drops'
        | 'raining'
        | 'calibrated_at'
      > & {
        id: string
        timestamp: Date
        received_at: Date
        order_at: Date | null
        content_hash: string | null
        sample_reuse: string
        drops: string | null
        raining: boolean | null
        calibrated_at: Date | null
      } extends infer Row
        ? { [Name in keyof Row]: Row[Name] }
        : never
    >()
  })

  test('the last values have a column for each reading and one for its time', () => {
    type Latest<Dialect extends 'sqlite' | 'postgres'> = Selectable<
      Database<Dialect>['weatherstation_latest']
    >
    expectTypeOf<Latest<'sqlite'>>().toMatchObjectType<{
      device_id: string
      order_at: number
      timestamp: number
      temperature: number | null
      temperature__at: number | null
    }>()
    expectTypeOf<Latest<'postgres'>['raining']>().toEqualTypeOf<boolean | null>()
    expectTypeOf<Latest<'postgres'>['raining__at']>().toEqualTypeOf<Date | null>()
  })

  test('a device has the state of its type; only PostgreSQL has a transaction on its messages', () => {
    type Device = Selectable<Database['weatherstation_device']>
    expectTypeOf<Device['recording_mode']>().toEqualTypeOf<'continuous' | 'burst' | null>()
    expectTypeOf<Device['gain']>().toEqualTypeOf<number | null>()
    expectTypeOf<Selectable<Database['valve_device']>>().not.toHaveProperty('gain')
    expectTypeOf<Database['valve_message']>().not.toHaveProperty('tx')
    expectTypeOf<Selectable<Database<'postgres'>['valve_message']>['tx']>().toEqualTypeOf<string>()
  })

  test('leases, consumers and their failures', () => {
    type Row<Dialect extends 'sqlite' | 'postgres', Table extends keyof Database> = Selectable<
      Database<Dialect>[Table]
    >
    expectTypeOf<Row<'sqlite', 'devicehub_lease'>>().toEqualTypeOf<{
      name: string
      holder: string
      epoch: number
      ttl: number
      expires_at: number
      note: string | null
    }>()
    expectTypeOf<Row<'sqlite', 'devicehub_consumer'>>().toEqualTypeOf<{
      name: string
      type_keys: string
      position: string | null
      epoch: number
      passed: number
      missed: number
      created_at: number
      updated_at: number
    }>()
    expectTypeOf<Row<'sqlite', 'devicehub_consumer_failure'>>().toEqualTypeOf<{
      id: number
      consumer: string
      type_key: string
      message_id: number
      device_id: string | null
      error: string
      attempts: number
      first_failed_at: number
      failed_at: number
      due: number
    }>()
    type Failure = Row<'postgres', 'devicehub_consumer_failure'>
    expectTypeOf<Pick<Failure, 'id' | 'message_id' | 'failed_at' | 'due'>>().toEqualTypeOf<{
      id: string
      message_id: string
      failed_at: Date
      due: boolean
    }>()
    expectTypeOf<Row<'postgres', 'devicehub_lease'>['expires_at']>().toEqualTypeOf<string>()
    expectTypeOf<Row<'postgres', 'devicehub_consumer'>['missed']>().toEqualTypeOf<string>()
  })

  test('a mistaken name does not compile', () => {
    const mistakes = (db: Kysely<Database>) => [
      // @ts-expect-error no such table
      db.selectFrom('weather_station_reading'),
      // @ts-expect-error no such column
      db.selectFrom('valve_reading').select('temperature'),
      // @ts-expect-error no such value
      db.selectFrom('weatherstation_reading').selectAll().where('sky', '=', 'green'),
    ]
    expect(mistakes).toBeTypeOf('function')
  })
})

describeDatabases("a user's own query", (open) => {
  test('joins the tables of the hub with each other and with a table of the user', async () => {
    await using database = await open()
    const { dialect } = database
    const db = database.connect<Database<'sqlite'> & { site: { device_id: string; label: string } }>()
    await createSchema({ db, dialect, types }).migrate()
    await db.schema
      .createTable('site')
      .addColumn('device_id', 'varchar(128)', (column) => column.primaryKey())
      .addColumn('label', 'varchar(50)', (column) => column.notNull())
      .execute()
    const at = (ms: number) => (dialect === 'postgres' ? (new Date(ms) as unknown as number) : ms)
    await db.insertInto('site').values({ device_id: 'W-1', label: 'roof' }).execute()
    for (const device_id of ['W-1', 'W-2']) {
      await db
        .insertInto('weatherstation_device')
        .values({ device_id, name: `Station ${device_id}`, created_at: at(1), updated_at: at(1) })
        .execute()
    }
    await db
      .insertInto('weatherstation_reading')
      .values(
        [20, 22, 40].map((temperature, index) => ({
          device_id: index < 2 ? 'W-1' : 'W-2',
          timestamp: at(index),
          received_at: at(index),
          temperature,
          sky: 'clear' as const,
        })),
      )
      .execute()

    const rows = await db
      .selectFrom('weatherstation_reading as r')
      .innerJoin('weatherstation_device as d', 'd.device_id', 'r.device_id')
      .leftJoin('site', 'site.device_id', 'd.device_id')
      .select((query) => [
        'd.name',
        'd.recording_mode',
        'site.label',
        query.fn.avg<number>('r.temperature').as('average'),
        sql<number>`count(*)`.as('samples'),
      ])
      .where('r.sky', '=', 'clear')
      .groupBy(['d.name', 'd.recording_mode', 'site.label'])
      .orderBy('d.name')
      .execute()

    expectTypeOf(rows).toEqualTypeOf<
      {
        name: string
        recording_mode: 'continuous' | 'burst' | null
        label: string | null
        average: number
        samples: number
      }[]
    >()
    expect(
      rows.map((row) => ({ ...row, average: Number(row.average), samples: Number(row.samples) })),
    ).toEqual([
      { name: 'Station W-1', recording_mode: 'continuous', label: 'roof', average: 21, samples: 2 },
      { name: 'Station W-2', recording_mode: 'continuous', label: null, average: 40, samples: 1 },
    ])
  })
})

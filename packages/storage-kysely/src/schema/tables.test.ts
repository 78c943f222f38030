import { describe, expect, test } from 'vitest'
import { createSchema } from './create-schema.js'
import { tablesOf } from './tables.js'
import { sqliteDatabase } from './testing/databases.js'
import { deviceType, field } from './testing/device-types.js'

const sqlite = { dialect: 'sqlite' } as const

describe('tablesOf', () => {
  test('refuses a type whose tables are those of another, or of the hub', () => {
    const station = deviceType('station', {})
    expect(() => tablesOf([station, station], sqlite)).toThrow(/would both use the table station_device/)
    expect(() => tablesOf([deviceType('devicehub', {})], sqlite)).toThrow(/devicehub_message/)
  })

  test('refuses fields that no database tells from each other or from our columns', () => {
    expect(() => tablesOf([deviceType('s', { Temp: field('float'), temp: field('float') })], sqlite)).toThrow(
      /s_reading would have the column temp twice/,
    )
    expect(() => tablesOf([deviceType('s', {}, { Status: field('string') })], sqlite)).toThrow(
      /s_device would have the column Status twice/,
    )
  })

  test('refuses names that PostgreSQL would cut off', () => {
    expect(() => tablesOf([deviceType('s', { ['ü'.repeat(32)]: field('float') })], sqlite)).toThrow(
      /63 bytes/,
    )
    expect(() => tablesOf([deviceType('s'.repeat(50), {})], sqlite)).toThrow(/_device_id_key.*63 bytes/)
    expect(tablesOf([deviceType('s'.repeat(42), { ['u'.repeat(63)]: field('float') })], sqlite)).toHaveLength(
      16,
    )
  })

  test('an abstract type has no tables', () => {
    expect(tablesOf([{ ...deviceType('base', {}), abstract: true }], sqlite).map(({ name }) => name)).toEqual(
      [
        'devicehub_schema',
        'devicehub_lease',
        'devicehub_consumer',
        'devicehub_consumer_failure',
        'devicehub_command',
        'devicehub_twin',
        'devicehub_credential',
        'devicehub_access',
        'devicehub_claim_key',
        'devicehub_claim',
        'devicehub_label',
        'devicehub_message',
      ],
    )
  })

  test('TimescaleDB is an option of PostgreSQL only, with intervals it understands', async () => {
    await using database = await sqliteDatabase()
    const db = database.connect()
    expect(() => createSchema({ db, ...sqlite, types: [], options: { timescale: {} } })).toThrow(
      /`timescale` is for PostgreSQL, and the dialect is sqlite/,
    )
    const chunkInterval = "7 days'; drop table x; --" as '7d'
    expect(() =>
      createSchema({ db, dialect: 'postgres', types: [], options: { timescale: { chunkInterval } } }),
    ).toThrow(/timescale.chunkInterval must be a duration from/)
  })
})

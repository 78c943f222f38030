import type { InferDatabase } from '@devicehub/storage-kysely'
import { type Kysely, sql } from 'kysely'
import type { WeatherStation } from './device-types.js'

/** The hub's tables, with the types of the declared fields, and a table of our own. */
export type Database = InferDatabase<[typeof WeatherStation]> & {
  site: { device_id: string; label: string; altitude: number }
}

/** Mean and maximum of the temperature of each site; times are epoch milliseconds on SQLite. */
export const temperatureBySite = (db: Kysely<Database>, since: Date) =>
  db
    .selectFrom('weatherstation_reading as reading')
    .innerJoin('site', 'site.device_id', 'reading.device_id')
    .innerJoin('weatherstation_device as device', 'device.device_id', 'reading.device_id')
    .where('reading.timestamp', '>=', since.getTime())
    .where('device.recording_mode', '=', 'continuous')
    .groupBy('site.label')
    .select(({ fn }) => [
      'site.label',
      fn.avg<number>('reading.temperature').as('mean'),
      fn.max('reading.temperature').as('warmest'),
      fn.countAll<number>().as('samples'),
    ])
    .orderBy('site.label')
    .execute()

/** How many samples said so of the sky, day by day in UTC. */
export const skyByDay = (db: Kysely<Database>) =>
  db
    .selectFrom('weatherstation_reading')
    .where('sky', 'is not', null)
    .select(({ fn }) => [
      sql<string>`date(timestamp / 1000, 'unixepoch')`.as('day'),
      'sky',
      fn.countAll<number>().as('samples'),
    ])
    .groupBy(['day', 'sky'])
    .orderBy('day')
    .orderBy('sky')
    .execute()

/** Messages that were refused, with the name of the device if it is known. */
export const refusals = (db: Kysely<Database>) =>
  db
    .selectFrom('weatherstation_message as message')
    .leftJoin('weatherstation_device as device', 'device.device_id', 'message.device_id')
    .where('message.processing_status', 'in', ['rejected', 'quarantined'])
    .select(['message.device_id', 'device.name', 'message.error_code', 'message.payload_json'])
    .orderBy('message.device_id')
    .orderBy('message.id')
    .execute()

import { createDeviceHub } from '@devicehub/core'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { Kysely } from 'kysely'
import { WeatherStation } from './device-types.js'
import { type Database, refusals, skyByDay, temperatureBySite } from './queries.js'

const db = new Kysely<Database>({ dialect: sqliteDialect({ file: ':memory:' }) })
const hub = createDeviceHub({ types: [WeatherStation], storage: kyselyStorage({ db, closeDb: true }) })
await hub.storage.migrate()
await db.schema
  .createTable('site')
  .addColumn('device_id', 'text', (column) => column.primaryKey())
  .addColumn('label', 'text', (column) => column.notNull())
  .addColumn('altitude', 'integer', (column) => column.notNull())
  .execute()

await hub.devices.create(WeatherStation, { deviceId: 'S-1', name: 'Roof' })
await hub.devices.create(WeatherStation, { deviceId: 'S-2', name: 'Summit' })
await db
  .insertInto('site')
  .values([
    { device_id: 'S-1', label: 'Valley', altitude: 420 },
    { device_id: 'S-2', label: 'Peak', altitude: 2962 },
  ])
  .execute()

const sent = [
  ['S-1', { temperature: 18, sky: 'clear', timestamp: '2026-05-01T10:00:00Z' }],
  ['S-1', { temperature: 22, sky: 'clear', timestamp: '2026-05-01T12:00:00Z' }],
  ['S-1', { temperature: 12, sky: 'rain', timestamp: '2026-05-02T12:00:00Z' }],
  ['S-2', { temperature: -3, sky: 'cloudy', timestamp: '2026-05-01T12:00:00Z' }],
  ['S-2', { temperature: 'cold', timestamp: '2026-05-01T13:00:00Z' }],
  ['S-3', { temperature: 9, timestamp: '2026-05-01T13:00:00Z' }],
] as const
await hub.ingest(
  sent.map(([deviceId, sample]) => ({
    topic: `things/weatherstation/${deviceId}/data`,
    payload: Buffer.from(JSON.stringify(sample)),
    source: 'example',
  })),
)

export const results = {
  bySite: await temperatureBySite(db, new Date('2026-05-01T00:00:00Z')),
  byDay: await skyByDay(db),
  refused: await refusals(db),
}
await hub.close()
for (const rows of Object.values(results)) console.table(rows)

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  createDeviceHub,
  defineDeviceType,
  reading,
  type StorageAdapter,
  silentLogger,
} from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { describeWith, waitUntil } from '@devicehub/test-kit'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { expect, test } from 'vitest'

const run = promisify(execFile)

const Station = defineDeviceType('weather_station', {
  readings: { temperature: reading.float({ unit: '°C', range: [-40, 80] }), humidity: reading.float() },
})

/** Publishes with Debian's mosquitto_pub, in both versions of the protocol, and waits until the hub has stored it all. */
async function publishAndStore(url: string, storage: StorageAdapter): Promise<void> {
  const { port } = new URL(url)
  await using hub = createDeviceHub({ types: [Station], storage, logger: silentLogger })
  await hub.storage.migrate()
  await hub.devices.create(Station, { deviceId: 'STATION-001' })
  await using listener = createMqttListener(hub, { url, clientId: 'pub-test' })
  await listener.start()
  const publish = (version: string, channel: string, payload: string) =>
    run('mosquitto_pub', [
      '-p',
      port,
      '-V',
      version,
      '-q',
      '1',
      '-t',
      `things/weatherstation/STATION-001/${channel}`,
      '-m',
      payload,
    ])
  await publish('mqttv311', 'data', '{"temperature": 21.5, "humidity": 40}')
  await publish('mqttv5', 'data', '{"readings": [{"type": "temperature", "value": 22.5}]}')
  await publish('mqttv311', 'status', '{"status": "low_battery", "battery_level": 12.5}')
  await publish('mqttv5', 'data', '{"temperature": "warm"}')
  await waitUntil('four messages', () => hub.stats().ingest.stored + hub.stats().ingest.rejected === 4)
}

const READINGS = 'select temperature from weatherstation_reading order by id'
const DEVICE = 'select status, battery_level from weatherstation_device'
const MESSAGES =
  "select processing_status || ' ' || coalesce(error_code, '-') from weatherstation_message order by id"
const STORED = {
  readings: '21.5\n22.5',
  device: 'low_battery|12.5',
  messages: 'processed -\nprocessed -\nprocessed -\nrejected invalid_type',
}

describeWith(
  ['mosquitto', 'mosquitto-clients', 'sqlite', 'sqlite3'],
  'mosquitto_pub into SQLite',
  ({ mosquitto }) => {
    test('is stored, as sqlite3 sees it', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'devicehub-e2e-'))
      try {
        const file = join(folder, 'hub.db')
        await publishAndStore(
          mosquitto().url,
          kyselyStorage({ db: new Kysely({ dialect: sqliteDialect({ file }) }), closeDb: true }),
        )
        const query = async (sql: string) => (await run('sqlite3', [file, sql])).stdout.trim()
        expect({
          readings: await query(READINGS),
          device: await query(DEVICE),
          messages: await query(MESSAGES),
        }).toEqual(STORED)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
  },
)

const WITH_POSTGRES = ['mosquitto', 'mosquitto-clients', 'postgres'] as const

describeWith(WITH_POSTGRES, 'mosquitto_pub into PostgreSQL', ({ mosquitto, postgres }) => {
  test('is stored, as psql sees it', async () => {
    const { url } = await postgres().createDatabase()
    const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) })
    await publishAndStore(mosquitto().url, kyselyStorage({ db: new Kysely({ dialect }), closeDb: true }))
    const query = async (sql: string) => (await run('psql', ['-At', url, '-c', sql])).stdout.trim()
    expect({
      readings: await query(READINGS),
      device: await query(DEVICE),
      messages: await query(MESSAGES),
    }).toEqual(STORED)
  })
})

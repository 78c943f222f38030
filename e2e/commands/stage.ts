import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeviceHub, type DeviceHub, type StorageAdapter, silentLogger } from '@devicehub/core'
import { createMqttListener, type MqttListenerOptions } from '@devicehub/mqtt-listener'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { WeatherStation } from '../../examples/firmware/weather-station.js'

export { WeatherStation }

export interface Stage extends AsyncDisposable {
  readonly hub: DeviceHub
  /** Of this test alone, deleted behind it. */
  readonly folder: string
}

export const DEVICE = 'STATION-001'
export const topicOf = (channel: string, deviceId = DEVICE) => `things/weatherstation/${deviceId}/${channel}`

export function postgresStorage(url: string): StorageAdapter {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  return kyselyStorage({ db: new Kysely({ dialect: new PostgresDialect({ pool }) }), closeDb: true })
}

export interface StageOptions {
  readonly url: string
  readonly protocolVersion?: 4 | 5
  /** Default: SQLite in the stage's folder. */
  readonly storage?: StorageAdapter
  /** Default: one listener, unshared. */
  readonly listener?: Partial<MqttListenerOptions>
}

/** Processes that share the work, as many as come: a slot of one that dies is taken over. */
export const SLOTS = { slots: { group: 'hubs', max: 2, lease: 2 } }

/** A hub that listens, with one device that was never seen. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-commands-'))
  const file = join(folder, 'hub.db')
  const hub = createDeviceHub({
    types: [WeatherStation],
    storage:
      options.storage ??
      kyselyStorage({ db: new Kysely({ dialect: sqliteDialect({ file }) }), closeDb: true }),
    logger: silentLogger,
    commands: { lookEvery: 0.1 },
  })
  await hub.storage.migrate()
  await hub.devices.create(WeatherStation, { deviceId: DEVICE })
  const { url, protocolVersion = 5, listener: how = { clientId: 'e2e-commands' } } = options
  const listener = createMqttListener(hub, { url, protocolVersion, ...how })
  await listener.start()
  return {
    hub,
    folder,
    async [Symbol.asyncDispose]() {
      await hub.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

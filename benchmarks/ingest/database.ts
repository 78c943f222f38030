import { createDeviceHub, type StorageAdapter, silentLogger } from '@devicehub/core'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { DEVICES, deviceId, Station } from './workload.js'

/** Which database a candidate writes to. */
export type Target =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: string }

export function storageFor(target: Target): StorageAdapter {
  const dialect =
    target.kind === 'sqlite'
      ? sqliteDialect({ file: target.file })
      : new PostgresDialect({ pool: new pg.Pool({ connectionString: target.url, max: 4 }) })
  return kyselyStorage({ db: new Kysely({ dialect }), closeDb: true })
}

/** The tables and the devices, made before anything is timed. */
export async function prepareDatabase(target: Target): Promise<void> {
  await using hub = createDeviceHub({ types: [Station], storage: storageFor(target), logger: silentLogger })
  await hub.storage.migrate()
  for (let n = 0; n < DEVICES; n++) await hub.devices.create(Station, { deviceId: deviceId(n) })
}

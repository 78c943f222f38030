import { createDeviceHub, type StorageAdapter, silentLogger } from '@devicehub/core'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { DEVICES, deviceId, Probe } from './workload.js'

export type Target =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: string }

export function storageFor(target: Target): StorageAdapter {
  return kyselyStorage({ db: openDatabase(target), closeDb: true })
}

function openDatabase(target: Target): Kysely<Rows> {
  if (target.kind === 'sqlite') return new Kysely({ dialect: sqliteDialect({ file: target.file }) })
  const pool = new pg.Pool({ connectionString: target.url, max: 4 })
  return new Kysely({ dialect: new PostgresDialect({ pool }) })
}

interface Rows {
  readonly probe_reading: { readonly id: number | string; readonly sequence: number | string }
}

export async function prepareDatabase(target: Target): Promise<void> {
  await using hub = createDeviceHub({ types: [Probe], storage: storageFor(target), logger: silentLogger })
  await hub.storage.migrate()
  for (let n = 0; n < DEVICES; n++) await hub.devices.create(Probe, { deviceId: deviceId(n) })
}

/** The sequence numbers of all stored samples, one entry a row. */
export async function storedSequences(target: Target): Promise<string[]> {
  const db = openDatabase(target)
  try {
    const rows = await db.selectFrom('probe_reading').select('sequence').execute()
    return rows.map(({ sequence }) => String(sequence))
  } finally {
    await db.destroy()
  }
}

import {
  createDeviceHub,
  type DeviceHub,
  defineDeviceType,
  reading,
  type Storage,
  silentLogger,
  state,
} from '@devicehub/core'
import { createProvisioner, type Provisioner } from '@devicehub/provision'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'

export const Sensor = defineDeviceType('sensor', {
  readings: { temperature: reading.float() },
  state: { level: state.integer() },
})

export interface ProvisionStage extends AsyncDisposable {
  readonly hub: DeviceHub
  readonly provisioner: Provisioner
}

/** `wrap` puts something between the provisioner and its database. */
export function openStage(
  database: string,
  wrap: (storage: Storage) => Storage = (it) => it,
): ProvisionStage {
  const dialect = database.startsWith('postgres')
    ? new PostgresDialect({ pool: new pg.Pool({ connectionString: database, max: 4 }) })
    : sqliteDialect({ file: database })
  const adapter = kyselyStorage({ db: new Kysely({ dialect }), closeDb: true })
  const hub = createDeviceHub({
    types: [Sensor],
    storage: { name: adapter.name, open: (context) => wrap(adapter.open(context)) },
    credentials: { secret: 'one secret for all processes of these tests' },
    logger: silentLogger,
  })
  return {
    hub,
    provisioner: createProvisioner(hub),
    [Symbol.asyncDispose]: () => hub.close(),
  }
}

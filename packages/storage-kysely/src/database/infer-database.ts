import type { AnyDeviceType } from '@devicehub/core'
import type { DeviceTypeKey } from '@devicehub/core/definition'
import type { SqlDialect } from '../schema/logical-type.js'
import type { Flatten } from './column-types.js'
import type { AccessTable, ClaimKeyTable, ClaimTable, CredentialTable } from './credential-tables.js'
import type {
  CommandTable,
  ConsumerFailureTable,
  ConsumerTable,
  LabelTable,
  LeaseTable,
  TwinTable,
} from './hub-tables.js'
import type { DeviceTable, LatestTable, MessageTable, ReadingTable } from './type-tables.js'

/**
 * The Kysely database type of the hub's tables, for your own typed queries. Values are typed as the driver of the
 * dialect returns them with its default settings (better-sqlite3, pg, mysql2). Default dialect: `'sqlite'`.
 *
 * @example
 * import type { InferDatabase } from '@devicehub/storage-kysely'
 * import { Kysely, PostgresDialect } from 'kysely'
 * import pg from 'pg'
 * import type { WeatherStation } from './hub.js'
 *
 * const dialect = new PostgresDialect({ pool: new pg.Pool() })
 * const db = new Kysely<InferDatabase<[typeof WeatherStation], 'postgres'>>({ dialect })
 * const rows = await db.selectFrom('weatherstation_reading').select(['device_id', 'temperature']).execute()
 */
export type InferDatabase<
  Types extends readonly AnyDeviceType[],
  Dialect extends SqlDialect = 'sqlite',
> = Flatten<
  {
    [Type in Types[number] as `${TypeKey<Type>}_device`]: DeviceTable<Type, Dialect>
  } & {
    [Type in Types[number] as `${TypeKey<Type>}_reading`]: ReadingTable<Type, Dialect>
  } & {
    [Type in Types[number] as `${TypeKey<Type>}_latest`]: LatestTable<Type, Dialect>
  } & {
    [Type in Types[number] as `${TypeKey<Type>}_message`]: MessageTable<Dialect>
  } & {
    devicehub_message: MessageTable<Dialect>
    devicehub_lease: LeaseTable<Dialect>
    devicehub_consumer: ConsumerTable<Dialect>
    devicehub_consumer_failure: ConsumerFailureTable<Dialect>
    devicehub_command: CommandTable<Dialect>
    devicehub_twin: TwinTable<Dialect>
    devicehub_credential: CredentialTable<Dialect>
    devicehub_access: AccessTable<Dialect>
    devicehub_claim_key: ClaimKeyTable<Dialect>
    devicehub_claim: ClaimTable<Dialect>
    devicehub_label: LabelTable
  }
>

type TypeKey<Type extends AnyDeviceType> = DeviceTypeKey<Type['name']>

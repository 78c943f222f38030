import type { AnyDeviceType, CommandState, DeviceStatus, MessageStatus, OfflinePolicy } from '@devicehub/core'
import type { DeviceTypeKey, Field, FieldValue, MessageDirection } from '@devicehub/core/definition'
import type { CredentialKind } from '@devicehub/core/storage'
import type { ColumnType, Generated } from 'kysely'
import type { SqlDialect } from './schema/logical-type.js'

/**
 * The Kysely database type of these device types: for your own typed queries on the tables of the hub. Values are those
 * the driver of the dialect gives back (better-sqlite3, pg, mysql2, with their default settings); `LogicalType` lists them.
 *
 * @example
 * type Database = InferDatabase<[typeof WeatherStation], 'postgres'>
 * const db = new Kysely<Database & MyTables>({ dialect })
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
  }
>

/** A device and its live state; a row each. */
export type DeviceTable<Type extends AnyDeviceType, Dialect extends SqlDialect = 'sqlite'> = Flatten<
  DeviceColumns<Dialect> & FieldColumns<Type['state'], Dialect>
>

/** Samples, a row each, with a column for each reading. `device_id` is that of the device table. */
export type ReadingTable<Type extends AnyDeviceType, Dialect extends SqlDialect = 'sqlite'> = Flatten<
  ReadingColumns<Dialect> & FieldColumns<Type['readings'], Dialect>
>

/**
 * The last known value of each reading, a row a device, and when each was measured: `<reading>__at` (a name of more than
 * 59 characters is cut short there).
 */
export type LatestTable<Type extends AnyDeviceType, Dialect extends SqlDialect = 'sqlite'> = Flatten<
  LatestColumns<Dialect> &
    FieldColumns<Type['readings'], Dialect> & {
      -readonly [Name in keyof Type['readings'] & string as `${Name}__at`]: Time<Dialect> | null
    }
>

/** The audit trail and log: every message that came or went. */
export type MessageTable<Dialect extends SqlDialect = 'sqlite'> = Flatten<
  MessageColumns<Dialect> & (Dialect extends 'postgres' ? { tx: Generated<string> } : unknown)
>

/** Who holds what has a single holder. */
export interface LeaseTable<Dialect extends SqlDialect = 'sqlite'> {
  name: string
  /** Empty when it was given back. */
  holder: string
  /** Grows with each claim. */
  epoch: Count<Dialect>
  /** Milliseconds. */
  ttl: Count<Dialect>
  /** Epoch milliseconds by the database's clock. */
  expires_at: Count<Dialect>
  note: string | null
}

/** Durable consumers of the log. */
export interface ConsumerTable<Dialect extends SqlDialect = 'sqlite'> {
  name: string
  /** JSON text of an array of type keys; null stands for `devicehub_message`. */
  type_keys: string
  /** The cursor of `storage.log`; null is the beginning. */
  position: string | null
  epoch: Count<Dialect>
  passed: Count<Dialect>
  missed: Count<Dialect>
  created_at: Time<Dialect>
  updated_at: Time<Dialect>
}

/** Messages that a consumer set aside. */
export interface ConsumerFailureTable<Dialect extends SqlDialect = 'sqlite'> {
  id: Generated<Whole<Dialect>>
  consumer: string
  /** Empty for `devicehub_message`. */
  type_key: string
  message_id: Count<Dialect>
  device_id: string | null
  error: string
  attempts: Count<Dialect>
  first_failed_at: Time<Dialect>
  failed_at: Time<Dialect>
  /** Asked to be tried again. */
  due: Truth<Dialect>
}

/** The ledger of commands. */
export interface CommandTable<Dialect extends SqlDialect = 'sqlite'> {
  id: Generated<Whole<Dialect>>
  command_id: string
  type_key: string
  device_id: string
  command: string
  /** JSON text. */
  payload: string | null
  state: CommandState
  attempts: Count<Dialect>
  retries: Count<Dialect>
  /** Milliseconds. */
  timeout: Count<Dialect>
  /** Milliseconds. */
  expires_in: Count<Dialect>
  on_offline: OfflinePolicy
  batch: string | null
  /** JSON text. */
  result: string | null
  reason: string | null
  claim: string | null
  /** Epoch milliseconds by the database's clock: when it is looked at again. */
  next_at: NullableWhole<Dialect>
  expires_at: Count<Dialect>
  created_at: Time<Dialect>
  sent_at: Time<Dialect> | null
  accepted_at: Time<Dialect> | null
  finished_at: Time<Dialect> | null
}

/** Desired state; the reported one is in the columns of the device. */
export interface TwinTable<Dialect extends SqlDialect = 'sqlite'> {
  type_key: string
  device_id: string
  /** JSON text of an object. */
  desired: string
  /** JSON text: epoch milliseconds by field. */
  desired_at: string
  version: Count<Dialect>
  published_version: Count<Dialect>
  cleared: Truth<Dialect>
  reported_version: NullableWhole<Dialect>
  /** JSON text: `{ at, version }` by field. */
  reported_at: string
  claim: string | null
  /** Epoch milliseconds by the database's clock: when it is published; null when it is. */
  next_at: NullableWhole<Dialect>
}

/** What devices authenticate with; no secret, only keyed or slow hashes. */
export interface CredentialTable<Dialect extends SqlDialect = 'sqlite'> {
  id: string
  type_key: string
  device_id: string
  kind: CredentialKind
  /** The user name; of an API key its keyed hash. */
  lookup: string
  hash: string
  created_at: Time<Dialect>
  expires_at: Time<Dialect> | null
}

/** When the access of a device changed last, by a clock that counts such changes: the row of the empty keys. */
export interface AccessTable<Dialect extends SqlDialect = 'sqlite'> {
  type_key: string
  device_id: string
  epoch: Count<Dialect>
}

/** Keys with which devices obtain their credentials. */
export interface ClaimKeyTable<Dialect extends SqlDialect = 'sqlite'> {
  id: string
  /** Keyed hash of the key. */
  lookup: string
  type_key: string
  name: string
  creates_devices: Truth<Dialect>
  id_prefix: string
  max_uses: Count<Dialect>
  uses: Count<Dialect>
  created_at: Time<Dialect>
  expires_at: Time<Dialect>
  revoked_at: Time<Dialect> | null
}

/** Devices that were claimed. */
export interface ClaimTable<Dialect extends SqlDialect = 'sqlite'> {
  type_key: string
  device_id: string
  key_id: string
  /** Keyed hash of what the device alone knows. */
  proof: string
  claimed_at: Time<Dialect>
}

interface DeviceColumns<D extends SqlDialect> {
  id: Generated<Whole<D>>
  device_id: string
  name: string
  status: Generated<DeviceStatus>
  /** When the news came in that set status, battery and firmware. */
  status_at: Time<D> | null
  /** The device's own time of its latest report that had one. */
  status_claimed_at: Time<D> | null
  /** Percent. */
  battery_level: number | null
  last_seen: Time<D> | null
  firmware_version: string | null
  is_active: Generated<Truth<D>>
  /** When the connection began that the broker told of last. */
  session_at: Time<D> | null
  mqtt_username: string | null
  /** JSON text of an object. */
  metadata: Generated<string>
  created_at: Time<D>
  updated_at: Time<D>
}

interface ReadingColumns<D extends SqlDialect> {
  id: Generated<Whole<D>>
  device_id: string
  /** Measured time; the received time when the device sent none. */
  timestamp: Time<D>
  received_at: Time<D>
  /** By it samples are first, last or latest, where that is not `timestamp`: the device's time cannot be true. */
  order_at: Time<D> | null
  /** The id the sample carried. */
  sample_id: string | null
  content_hash: NullableWhole<D>
  /** Not 0: a later sample came with the same id and other content. */
  sample_reuse: CountFrom0<D>
  /** Space-separated, such as `clock_skew out_of_range:temperature`. */
  flags: string | null
}

interface LatestColumns<D extends SqlDialect> {
  device_id: string
  /** By which its latest sample is the latest: when it was measured, or received where that cannot be true. */
  order_at: Time<D>
  /** Of that sample. */
  timestamp: Time<D>
}

interface MessageColumns<D extends SqlDialect> {
  id: Generated<Whole<D>>
  device_id: string | null
  channel: string | null
  direction: MessageDirection
  topic: string
  /** JSON text as it was sent. */
  payload_json: string | null
  /** The bytes of a payload that is not JSON. */
  payload_raw: Bytes | null
  content_type: string | null
  correlation_id: string | null
  /** JSON text. */
  user_properties: string | null
  source: string
  qos: number
  redelivered: Truth<D>
  retained: Truth<D>
  processing_status: MessageStatus
  error_code: string | null
  processing_error: string | null
  flags: string | null
  /** `<type key>:<id>`. */
  replay_of: string | null
  received_at: Time<D>
  processed_at: Time<D>
}

/** Every field's column admits null: the hub checks what must be there, and a field can be younger than the row. */
type FieldColumns<Fields extends Readonly<Record<string, Field>>, D extends SqlDialect> = {
  -readonly [Name in keyof Fields]: FieldColumn<Fields[Name], D>
}

type FieldColumn<F extends Field, D extends SqlDialect> = {
  float: number | null
  integer: NullableWhole<D>
  boolean: Truth<D> | null
  string: string | null
  enum: Extract<FieldValue<F>, string> | null
  datetime: Time<D> | null
  /** JSON text. */
  json: string | null
  binary: Bytes | null
  /** JSON text of `{ lat, lon, alt? }`. */
  geo: string | null
}[F['kind']]

/** pg gives a bigint as a string: it need not fit a number. */
type Whole<D extends SqlDialect> = D extends 'postgres' ? string : number
type Count<D extends SqlDialect> = D extends 'postgres'
  ? ColumnType<string, string | number | bigint, string | number | bigint>
  : number
type CountFrom0<D extends SqlDialect> = D extends 'postgres'
  ? ColumnType<string, string | number | bigint | undefined, string | number | bigint>
  : Generated<number>
type NullableWhole<D extends SqlDialect> = D extends 'postgres'
  ? ColumnType<string | null, string | number | bigint | null | undefined, string | number | bigint | null>
  : number | null
type Truth<D extends SqlDialect> = D extends 'postgres' ? boolean : number
/** Epoch milliseconds on SQLite and MySQL. */
type Time<D extends SqlDialect> = D extends 'postgres' ? Date : number
type Bytes = Buffer

type TypeKey<Type extends AnyDeviceType> = DeviceTypeKey<Type['name']>

/** So that a hover shows columns and not how they were put together. */
type Flatten<T> = { [Key in keyof T]: T[Key] }

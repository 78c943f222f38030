import { type AnyDeviceType, DeviceHubError, type Field } from '@devicehub/core'
import { fieldType, type LogicalType, type SqlDialect } from './logical-type.js'
import type { TimescaleOptions } from './timescale.js'

export type { LogicalType, SqlDialect } from './logical-type.js'

export interface ColumnModel {
  readonly name: string
  readonly type: LogicalType
  readonly nullable: boolean
  /** A value, not SQL; JSON as text. `{ sql }` where the database computes it. */
  readonly default?: string | number | boolean | Date | Uint8Array | { readonly sql: string }
  readonly renamedFrom?: string | null
  /** The reading or state field the column is for; absent for the table's own columns. */
  readonly field?: Field
}

export interface IndexModel {
  readonly name: string
  readonly columns: readonly string[]
  readonly unique: boolean
  /** Partial, in SQL; absent on MySQL, which has no partial indexes. */
  readonly where?: string
}

export interface TableModel {
  readonly name: string
  readonly columns: readonly ColumnModel[]
  readonly primaryKey: readonly string[]
  readonly indexes: readonly IndexModel[]
  /** The column that the database numbers; null for a table with a key of its own. */
  readonly identity: 'id' | null
  /**
   * The numbers of deleted rows are never given again. The log's cursors rest on it: SQLite would start anew once
   * retention has emptied a table, and readers would skip the new rows.
   */
  readonly neverReuseIds: boolean
  /** A TimescaleDB hypertable on `timestamp`. */
  readonly hypertable?: TimescaleOptions
  /** The id of a row that must exist. */
  readonly seed?: number
}

export interface TableOptions {
  readonly dialect: SqlDialect
  /** An index on (device_id, id) of the message tables: a device's messages are found fast, every insert costs more. Default false. */
  readonly indexMessagesByDevice?: boolean
  /** PostgreSQL with the extension timescaledb: readings become hypertables. */
  readonly timescale?: TimescaleOptions | null
}

export const UNROUTED_MESSAGE_TABLE = 'devicehub_message'
/** Which columns were made here and for what kind of value: only these may ever be dropped. */
export const SCHEMA_TABLE = 'devicehub_schema'
/** MySQL only, one row of id 1: writers of messages hold it FOR SHARE until they commit, the log's reader takes it FOR UPDATE. */
export const LOG_GATE_TABLE = 'devicehub_log_gate'

export interface TableNames {
  readonly device: string
  readonly reading: string
  readonly message: string
}

export const tableNames = (type: AnyDeviceType): TableNames => ({
  device: `${type.key}_device`,
  reading: `${type.key}_reading`,
  message: `${type.key}_message`,
})

const varchar = (length: number): LogicalType => ({ kind: 'varchar', length })
const column = (name: string, type: LogicalType | Exclude<LogicalType['kind'], 'varchar'>): ColumnModel => ({
  name,
  type: typeof type === 'string' ? { kind: type } : type,
  nullable: false,
})
const optional = (...args: Parameters<typeof column>): ColumnModel => ({ ...column(...args), nullable: true })

export function deviceTable(type: AnyDeviceType): TableModel {
  const name = tableNames(type).device
  return {
    name,
    identity: 'id',
    neverReuseIds: true,
    primaryKey: ['id'],
    columns: [
      column('id', 'id'),
      column('device_id', varchar(128)),
      column('name', varchar(255)),
      { ...column('status', varchar(20)), default: 'offline' },
      optional('status_at', 'time'),
      optional('battery_level', 'double'),
      optional('last_seen', 'time'),
      optional('firmware_version', varchar(50)),
      { ...column('is_active', 'boolean'), default: true },
      optional('mqtt_username', varchar(128)),
      optional('mqtt_password_hash', varchar(255)),
      optional('api_key_hash', varchar(255)),
      { ...column('metadata', 'json'), default: '{}' },
      column('created_at', 'time'),
      column('updated_at', 'time'),
      ...type.stateNames.map((stateName) => stateColumn(stateName, type.state[stateName] as Field)),
    ],
    indexes: [
      { name: `${name}_id_key`, columns: ['device_id'], unique: true },
      { name: `${name}_username_key`, columns: ['mqtt_username'], unique: true },
      { name: `${name}_api_key_key`, columns: ['api_key_hash'], unique: true },
      { name: `${name}_newest`, columns: ['created_at', 'device_id'], unique: false },
    ],
  }
}

/**
 * A field's column always admits null: whether a value may be missing is checked by the hub. So a field can be added
 * to a table with rows, and withdrawn while processes of the former release still run. The default is for the rows
 * from before the field and for inserts of processes that do not know it yet.
 */
function stateColumn(name: string, field: Field): ColumnModel {
  const value = columnDefault(field)
  return { ...fieldColumn(name, field), ...(value === undefined ? {} : { default: value }) }
}

const fieldColumn = (name: string, field: Field): ColumnModel => ({
  name,
  type: fieldType(field),
  nullable: true,
  renamedFrom: field.renamedFrom,
  field,
})

function columnDefault({ kind, default: value }: Field): ColumnModel['default'] {
  if (value === null || value === undefined) return undefined
  if (kind === 'json' || kind === 'geo') return JSON.stringify(value)
  if (kind === 'datetime' && (typeof value === 'string' || typeof value === 'number')) return new Date(value)
  return value as string | number | boolean | Date | Uint8Array
}

export function readingTable(type: AnyDeviceType, options: TableOptions): TableModel {
  const name = tableNames(type).reading
  const partial = options.dialect !== 'mysql'
  // TimescaleDB checks uniqueness chunk by chunk: each unique key has to hold the time.
  const hypertable = options.timescale ?? undefined
  return {
    name,
    identity: 'id',
    neverReuseIds: false,
    primaryKey: hypertable ? ['id', 'timestamp'] : ['id'],
    ...(hypertable ? { hypertable } : {}),
    columns: [
      column('id', 'id'),
      // No foreign key: docs/decisions/no-foreign-key-on-readings.md.
      column('device_id', varchar(128)),
      column('timestamp', 'time'),
      column('received_at', 'time'),
      optional('sample_id', varchar(200)),
      optional('content_hash', 'bigint'),
      optional('flags', 'text'),
      ...type.readingNames.map((readingName) =>
        fieldColumn(readingName, type.readings[readingName] as Field),
      ),
    ],
    indexes: [
      // Nulls are distinct on every database: a sample without a hash is never a duplicate. Serves reads by device and time too.
      { name: `${name}_content_key`, columns: ['device_id', 'timestamp', 'content_hash'], unique: true },
      {
        name: `${name}_sample_key`,
        columns: hypertable ? ['device_id', 'sample_id', 'timestamp'] : ['device_id', 'sample_id'],
        unique: true,
        ...(partial ? { where: 'sample_id is not null' } : {}),
      },
    ],
  }
}

/** `type` null: `devicehub_message`, the messages that belong to no known type. */
export function messageTable(type: AnyDeviceType | null, options: TableOptions): TableModel {
  const name = type ? tableNames(type).message : UNROUTED_MESSAGE_TABLE
  const postgres = options.dialect === 'postgres'
  return {
    name,
    identity: 'id',
    neverReuseIds: true,
    primaryKey: ['id'],
    columns: [
      column('id', 'id'),
      // The writing transaction: the log's watermark, so that a row that commits late is not skipped.
      ...(postgres ? [{ ...column('tx', 'xid8'), default: { sql: 'pg_current_xact_id()' } }] : []),
      optional('device_id', varchar(128)),
      optional('channel', varchar(20)),
      column('direction', varchar(8)),
      // What a stranger's client sends is text without a bound: a long one must not fail its batch.
      column('topic', 'text'),
      optional('payload_json', 'json'),
      optional('payload_raw', 'bytes'),
      optional('content_type', 'text'),
      optional('correlation_id', 'text'),
      optional('user_properties', 'json'),
      column('source', varchar(128)),
      column('qos', 'smallint'),
      column('redelivered', 'boolean'),
      column('retained', 'boolean'),
      column('processing_status', varchar(20)),
      optional('error_code', varchar(64)),
      optional('processing_error', 'text'),
      optional('flags', 'text'),
      // `<type key>:<id>` of the message this one replays; the key is empty for devicehub_message.
      optional('replay_of', varchar(128)),
      column('received_at', 'time'),
      column('processed_at', 'time'),
    ],
    indexes: [
      {
        name: `${name}_unprocessed`,
        columns: ['processing_status', 'id'],
        unique: false,
        ...(options.dialect === 'mysql' ? {} : { where: "processing_status <> 'processed'" }),
      },
      ...(postgres ? [{ name: `${name}_log`, columns: ['tx', 'id'], unique: false }] : []),
      ...(options.indexMessagesByDevice
        ? [{ name: `${name}_by_device`, columns: ['device_id', 'id'], unique: false }]
        : []),
    ],
  }
}

const schemaTable: TableModel = {
  name: SCHEMA_TABLE,
  identity: null,
  neverReuseIds: false,
  primaryKey: ['table_name', 'column_name'],
  columns: [
    column('table_name', varchar(64)),
    column('column_name', varchar(64)),
    column('kind', varchar(16)),
    column('applied_at', 'time'),
  ],
  indexes: [],
}

const logGateTable: TableModel = {
  name: LOG_GATE_TABLE,
  identity: null,
  neverReuseIds: false,
  primaryKey: ['id'],
  columns: [column('id', 'bigint')],
  indexes: [],
  seed: 1,
}

/** Every table of these types. `invalid_definition` when names clash or are too long for the database. */
export function tablesOf(types: readonly AnyDeviceType[], options: TableOptions): readonly TableModel[] {
  const tables = [
    schemaTable,
    ...(options.dialect === 'mysql' ? [logGateTable] : []),
    messageTable(null, options),
    ...types
      .filter((type) => !type.abstract)
      .flatMap((type) => [deviceTable(type), readingTable(type, options), messageTable(type, options)]),
  ]
  const seen = new Set<string>()
  for (const table of tables) {
    if (seen.has(table.name)) {
      throw new DeviceHubError(
        'invalid_definition',
        `Two device types would both use the table ${table.name}: rename one of them`,
        { details: { table: table.name } },
      )
    }
    seen.add(table.name)
    checkNames(table)
  }
  return tables
}

/** PostgreSQL cuts longer names off without an error, so that two could become one. */
const NAME_MAX_BYTES = 63

function checkNames(table: TableModel): void {
  const columns = new Set<string>()
  for (const { name } of table.columns) {
    // SQLite and MySQL compare column names without case; the same types should fit every database.
    const folded = name.toLowerCase()
    if (columns.has(folded)) {
      throw new DeviceHubError(
        'invalid_definition',
        `The table ${table.name} would have the column ${name} twice (case does not count): rename the reading or state field`,
        { details: { table: table.name, column: name } },
      )
    }
    columns.add(folded)
  }
  for (const name of [table.name, ...table.columns.map((c) => c.name), ...table.indexes.map((i) => i.name)]) {
    if (Buffer.byteLength(name) > NAME_MAX_BYTES) {
      throw new DeviceHubError(
        'invalid_definition',
        `The name ${name} in the table ${table.name} has more than ${NAME_MAX_BYTES} bytes: choose a shorter name`,
        { details: { table: table.name, name } },
      )
    }
  }
}

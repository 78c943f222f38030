import { type AnyDeviceType, DeviceHubError } from '@devicehub/core'
import type { Field } from '@devicehub/core/definition'
import { fieldColumn } from './field-column.js'
import { hubTables } from './hub-tables.js'
import { latestTable } from './latest-table.js'
import type { SqlDialect } from './logical-type.js'
import { quoteName } from './quote.js'
import type { TableOptions } from './schema-options.js'
import { type ColumnModel, column, optional, type TableModel, varchar } from './table-model.js'
import { NAME_MAX_BYTES, tableNames } from './table-names.js'

export { ACCESS_TABLE, CLAIM_KEY_TABLE, CLAIM_TABLE, CREDENTIAL_TABLE } from './access-tables.js'
export * from './hub-tables.js'
export type { ColumnModel, IndexModel, TableModel } from './table-model.js'
export { tableNames } from './table-names.js'

export const UNROUTED_MESSAGE_TABLE = 'devicehub_message'

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
      optional('status_claimed_at', 'time'),
      optional('battery_level', 'double'),
      optional('last_seen', 'time'),
      optional('firmware_version', varchar(50)),
      { ...column('is_active', 'boolean'), default: true },
      optional('session_at', 'time'),
      optional('mqtt_username', varchar(255)),
      { ...column('metadata', 'json'), default: '{}' },
      // As the device shows them. `devicehub_label` has a row for each of them, to be searched.
      { ...column('labels', 'json'), default: '{}' },
      column('created_at', 'time'),
      column('updated_at', 'time'),
      ...type.stateNames.map((stateName) => stateColumn(stateName, type.state[stateName] as Field)),
    ],
    indexes: [
      { name: `${name}_id_key`, columns: ['device_id'], unique: true },
      { name: `${name}_username_key`, columns: ['mqtt_username'], unique: true },
      { name: `${name}_newest`, columns: ['created_at', 'device_id'], unique: false },
    ],
  }
}

/**
 * A field's column is always nullable; the hub checks for missing values. So a field can be added to a table with
 * rows, and removed while processes of the previous release still run. The default is for existing rows and for
 * inserts of processes that do not know the field yet.
 */
function stateColumn(name: string, field: Field): ColumnModel {
  const value = columnDefault(field)
  return { ...fieldColumn(name, field), ...(value === undefined ? {} : { default: value }) }
}

function columnDefault({ kind, default: value }: Field): ColumnModel['default'] {
  if (value === null || value === undefined) return undefined
  if (kind === 'json' || kind === 'geo') return JSON.stringify(value)
  if (kind === 'datetime' && (typeof value === 'string' || typeof value === 'number')) return new Date(value)
  return value as string | number | boolean | Date | Uint8Array
}

export function readingTable(type: AnyDeviceType, options: TableOptions): TableModel {
  const name = tableNames(type).reading
  const partial = options.dialect !== 'mysql'
  // TimescaleDB checks uniqueness per chunk: each unique key must include the time.
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
      // Set when samples are not ordered by their timestamp: the device's time cannot be true, or is unknown.
      { ...optional('order_at', 'time'), fill: [orderOldSamples(name, options.dialect)] },
      optional('sample_id', varchar(200)),
      optional('content_hash', 'bigint'),
      // 0: the next sample with this id violates the unique key. Else a mark of the content: the id belongs to a
      // later sample.
      { ...column('sample_reuse', 'bigint'), default: 0 },
      optional('flags', 'text'),
      ...type.readingNames.map((readingName) =>
        fieldColumn(readingName, type.readings[readingName] as Field),
      ),
    ],
    indexes: [
      // Nulls are distinct on every database: a sample without a hash is never a duplicate. The index also serves
      // reads by device and time.
      { name: `${name}_content_key`, columns: ['device_id', 'timestamp', 'content_hash'], unique: true },
      {
        name: `${name}_sample_key`,
        columns: ['device_id', 'sample_id', 'sample_reuse', ...(hypertable ? ['timestamp'] : [])],
        unique: true,
        ...(partial ? { where: 'sample_id is not null' } : {}),
      },
      // Nearly empty on databases with partial indexes: it skips rows ordered by their timestamp.
      ...(partial
        ? [
            {
              name: `${name}_reordered`,
              columns: ['device_id', 'order_at'],
              unique: false,
              where: 'order_at is not null',
            },
          ]
        : []),
      ...(options.indexReadingsByTime
        ? [{ name: `${name}_by_time`, columns: ['timestamp', 'id'], unique: false }]
        : []),
    ],
  }
}

/** Releases without `order_at` flagged a timestamp in the future, and ordered by it. */
const orderOldSamples = (table: string, dialect: SqlDialect): string => {
  const name = (text: string) => quoteName(dialect, text)
  return `update ${name(table)} set ${name('order_at')} = ${name('received_at')} where ${name('timestamp')} > ${name('received_at')} and ${name('flags')} like '%clock_skew%'`
}

/** With `type` null: `devicehub_message`, for messages of no known type. */
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
      // The transaction that wrote the row. The log reads in this order, so that a row committed late is not skipped.
      ...(postgres ? [{ ...column('tx', 'xid8'), default: { sql: 'pg_current_xact_id()' } }] : []),
      optional('device_id', varchar(128)),
      optional('channel', varchar(20)),
      column('direction', varchar(8)),
      // Anyone can send a topic of any length, and a long one must not fail its batch.
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

/** Every table of these types. `invalid_definition` when names clash or are too long for the database. */
export function tablesOf(types: readonly AnyDeviceType[], options: TableOptions): readonly TableModel[] {
  const tables = [
    ...hubTables(options.dialect),
    messageTable(null, options),
    ...types
      .filter((type) => !type.abstract)
      .flatMap((type) => [
        deviceTable(type),
        readingTable(type, options),
        latestTable(type, options.dialect),
        messageTable(type, options),
      ]),
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

import { accessTable, claimKeyTable, claimTable, credentialTable } from './access-tables.js'
import type { SqlDialect } from './logical-type.js'
import { column, optional, type TableModel, varchar } from './table-model.js'

/** The columns that the hub created, with the kind of value: only these may be dropped. */
export const SCHEMA_TABLE = 'devicehub_schema'
/**
 * MySQL only, one row with id 1. Writers of messages lock it FOR SHARE until they commit; the reader of the log locks
 * it FOR UPDATE.
 */
export const LOG_GATE_TABLE = 'devicehub_log_gate'
export const LEASE_TABLE = 'devicehub_lease'
export const CONSUMER_TABLE = 'devicehub_consumer'
export const CONSUMER_FAILURE_TABLE = 'devicehub_consumer_failure'
export const COMMAND_TABLE = 'devicehub_command'
export const TWIN_TABLE = 'devicehub_twin'
export const LABEL_TABLE = 'devicehub_label'

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
    // What the field is called since: an older release must not make an empty column of the former name.
    optional('renamed_to', varchar(64)),
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

const leaseTable: TableModel = {
  name: LEASE_TABLE,
  identity: null,
  neverReuseIds: false,
  primaryKey: ['name'],
  columns: [
    column('name', varchar(255)),
    // Empty: released.
    column('holder', varchar(64)),
    column('epoch', 'bigint'),
    // Milliseconds.
    column('ttl', 'bigint'),
    // Epoch milliseconds by the database's clock, on every database: only ever compared and written in SQL.
    column('expires_at', 'bigint'),
    optional('note', 'text'),
  ],
  // A key with the epoch: on PostgreSQL, FOR KEY SHARE of a commit then blocks a takeover, but not a renewal.
  indexes: [{ name: `${LEASE_TABLE}_epoch_key`, columns: ['name', 'epoch'], unique: true }],
}

const consumerTable: TableModel = {
  name: CONSUMER_TABLE,
  identity: null,
  neverReuseIds: false,
  primaryKey: ['name'],
  columns: [
    column('name', varchar(128)),
    column('type_keys', 'json'),
    // `cursor` is a reserved word of MySQL.
    optional('position', 'text'),
    column('epoch', 'bigint'),
    column('passed', 'bigint'),
    column('missed', 'bigint'),
    column('created_at', 'time'),
    column('updated_at', 'time'),
  ],
  indexes: [],
}

const consumerFailureTable: TableModel = {
  name: CONSUMER_FAILURE_TABLE,
  identity: 'id',
  // The order of pages.
  neverReuseIds: true,
  primaryKey: ['id'],
  columns: [
    column('id', 'id'),
    column('consumer', varchar(128)),
    // Empty for devicehub_message: a unique key takes every null for another one.
    column('type_key', varchar(64)),
    column('message_id', 'bigint'),
    optional('device_id', varchar(128)),
    column('error', 'text'),
    column('attempts', 'bigint'),
    column('first_failed_at', 'time'),
    column('failed_at', 'time'),
    column('due', 'boolean'),
  ],
  indexes: [
    {
      name: `${CONSUMER_FAILURE_TABLE}_key`,
      columns: ['consumer', 'type_key', 'message_id'],
      unique: true,
    },
  ],
}

const commandTable = (dialect: SqlDialect): TableModel => {
  const only = (where: string) => (dialect === 'mysql' ? {} : { where })
  return {
    name: COMMAND_TABLE,
    identity: 'id',
    // The order of creation.
    neverReuseIds: true,
    primaryKey: ['id'],
    columns: [
      column('id', 'id'),
      column('command_id', varchar(64)),
      column('type_key', varchar(64)),
      column('device_id', varchar(128)),
      column('command', varchar(128)),
      optional('payload', 'text'),
      column('state', varchar(16)),
      column('attempts', 'bigint'),
      column('retries', 'bigint'),
      // Milliseconds, as are those of `expires_in`.
      column('timeout', 'bigint'),
      column('expires_in', 'bigint'),
      column('on_offline', varchar(8)),
      optional('batch', varchar(64)),
      optional('result', 'text'),
      optional('reason', 'text'),
      // The process that holds it until `next_at`.
      optional('claim', varchar(64)),
      // Epoch milliseconds by the database's clock, on every database: only ever compared and written in SQL. When it
      // has to be looked at again; null once it has an end.
      optional('next_at', 'bigint'),
      column('expires_at', 'bigint'),
      column('created_at', 'time'),
      optional('sent_at', 'time'),
      optional('accepted_at', 'time'),
      optional('finished_at', 'time'),
    ],
    indexes: [
      { name: `${COMMAND_TABLE}_key`, columns: ['command_id'], unique: true },
      { name: `${COMMAND_TABLE}_due`, columns: ['next_at'], unique: false, ...only('next_at is not null') },
      { name: `${COMMAND_TABLE}_device`, columns: ['type_key', 'device_id', 'id'], unique: false },
      // A device may have a long history of commands, of which few are waiting.
      {
        name: `${COMMAND_TABLE}_queued`,
        columns:
          dialect === 'mysql' ? ['type_key', 'device_id', 'state', 'id'] : ['type_key', 'device_id', 'id'],
        unique: false,
        ...only("state = 'queued'"),
      },
      {
        name: `${COMMAND_TABLE}_batch`,
        columns: ['batch', 'id'],
        unique: false,
        ...only('batch is not null'),
      },
      {
        name: `${COMMAND_TABLE}_finished`,
        columns: ['finished_at'],
        unique: false,
        ...only('finished_at is not null'),
      },
    ],
  }
}

const twinTable = (dialect: SqlDialect): TableModel => ({
  name: TWIN_TABLE,
  identity: null,
  neverReuseIds: false,
  primaryKey: ['type_key', 'device_id'],
  columns: [
    column('type_key', varchar(64)),
    column('device_id', varchar(128)),
    column('desired', 'json'),
    column('desired_at', 'json'),
    column('version', 'bigint'),
    column('published_version', 'bigint'),
    // The device was deleted: what the broker retains has to go.
    column('cleared', 'boolean'),
    optional('reported_version', 'bigint'),
    column('reported_at', 'json'),
    // Whether each desired field was reported as desired; null: not known since an earlier release wrote it.
    optional('in_sync', 'boolean'),
    optional('claim', varchar(64)),
    // Epoch milliseconds by the database's clock; null: nothing has to be published.
    optional('next_at', 'bigint'),
  ],
  indexes: [
    {
      name: `${TWIN_TABLE}_due`,
      columns: ['next_at'],
      unique: false,
      ...(dialect === 'mysql' ? {} : { where: 'next_at is not null' }),
    },
  ],
})

/** What is said of a device in its column `labels`, a row for each, to be searched. */
const labelTable: TableModel = {
  name: LABEL_TABLE,
  identity: null,
  neverReuseIds: false,
  primaryKey: ['type_key', 'device_id', 'label'],
  columns: [
    column('type_key', varchar(64)),
    column('device_id', varchar(128)),
    column('label', varchar(63)),
    column('value', varchar(128)),
  ],
  indexes: [
    {
      name: `${LABEL_TABLE}_value`,
      columns: ['type_key', 'label', 'value', 'device_id'],
      unique: false,
    },
  ],
}

/** The tables of the hub itself, of no type. */
export const hubTables = (dialect: SqlDialect): readonly TableModel[] => [
  schemaTable,
  ...(dialect === 'mysql' ? [logGateTable] : []),
  leaseTable,
  consumerTable,
  consumerFailureTable,
  commandTable(dialect),
  twinTable(dialect),
  credentialTable,
  accessTable,
  claimKeyTable,
  claimTable,
  labelTable,
]

import { column, optional, type TableModel, varchar } from './table-model.js'

export const CREDENTIAL_TABLE = 'devicehub_credential'
export const ACCESS_TABLE = 'devicehub_access'
export const CLAIM_KEY_TABLE = 'devicehub_claim_key'
export const CLAIM_TABLE = 'devicehub_claim'

export const credentialTable: TableModel = {
  name: CREDENTIAL_TABLE,
  identity: null,
  neverReuseIds: false,
  primaryKey: ['id'],
  columns: [
    column('id', varchar(64)),
    column('type_key', varchar(64)),
    column('device_id', varchar(128)),
    column('kind', varchar(16)),
    column('lookup', varchar(255)),
    column('hash', varchar(512)),
    column('created_at', 'time'),
    optional('expires_at', 'time'),
  ],
  indexes: [
    // Not unique: a device has two passwords of one user name while the old one is still accepted.
    { name: `${CREDENTIAL_TABLE}_lookup`, columns: ['lookup', 'kind'], unique: false },
    { name: `${CREDENTIAL_TABLE}_device`, columns: ['type_key', 'device_id'], unique: false },
  ],
}

export const accessTable: TableModel = {
  name: ACCESS_TABLE,
  identity: null,
  neverReuseIds: false,
  // Empty both: the clock. See access-clock.
  primaryKey: ['type_key', 'device_id'],
  columns: [column('type_key', varchar(64)), column('device_id', varchar(128)), column('epoch', 'bigint')],
  indexes: [{ name: `${ACCESS_TABLE}_epoch`, columns: ['epoch'], unique: false }],
}

export const claimKeyTable: TableModel = {
  name: CLAIM_KEY_TABLE,
  identity: null,
  neverReuseIds: false,
  primaryKey: ['id'],
  columns: [
    column('id', varchar(64)),
    column('lookup', varchar(255)),
    column('type_key', varchar(64)),
    column('name', varchar(255)),
    column('creates_devices', 'boolean'),
    column('id_prefix', varchar(128)),
    column('max_uses', 'bigint'),
    column('uses', 'bigint'),
    column('created_at', 'time'),
    column('expires_at', 'time'),
    optional('revoked_at', 'time'),
    { ...column('labels', 'json'), default: '{}' },
  ],
  indexes: [
    { name: `${CLAIM_KEY_TABLE}_key`, columns: ['lookup'], unique: true },
    { name: `${CLAIM_KEY_TABLE}_newest`, columns: ['created_at', 'id'], unique: false },
  ],
}

export const claimTable: TableModel = {
  name: CLAIM_TABLE,
  identity: null,
  neverReuseIds: false,
  primaryKey: ['type_key', 'device_id'],
  columns: [
    column('type_key', varchar(64)),
    column('device_id', varchar(128)),
    column('key_id', varchar(64)),
    column('proof', varchar(255)),
    column('claimed_at', 'time'),
  ],
  indexes: [],
}

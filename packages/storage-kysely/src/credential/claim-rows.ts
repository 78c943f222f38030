import type { ClaimKeyRecord } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { columnValue, selectList } from '../connection/sql-fragments.js'
import type { ColumnSource } from '../rows/column-source.js'
import type { RowReader } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'

/** In the order of the select list. */
const CLAIM_KEY_COLUMNS: readonly ColumnSource<ClaimKeyRecord>[] = [
  { name: 'id', kind: 'text', get: ({ id }) => id },
  { name: 'lookup', kind: 'text', get: ({ lookup }) => lookup },
  { name: 'type_key', kind: 'text', get: ({ typeKey }) => typeKey },
  { name: 'name', kind: 'text', get: ({ name }) => name },
  { name: 'creates_devices', kind: 'boolean', get: ({ createsDevices }) => createsDevices },
  { name: 'id_prefix', kind: 'text', get: ({ idPrefix }) => idPrefix },
  { name: 'max_uses', kind: 'integer', get: ({ maxUses }) => maxUses },
  { name: 'uses', kind: 'integer', get: ({ uses }) => uses },
  { name: 'created_at', kind: 'time', get: ({ createdAt }) => createdAt },
  { name: 'expires_at', kind: 'time', get: ({ expiresAt }) => expiresAt },
  { name: 'revoked_at', kind: 'time', get: ({ revokedAt }) => revokedAt },
  { name: 'labels', kind: 'json', get: ({ labels }) => JSON.stringify(labels) },
]

export const claimKeySelection = (dialect: SqlDialect) => selectList(dialect, CLAIM_KEY_COLUMNS)

/** The list of columns and their values. */
export const claimKeyRow = (dialect: SqlDialect, key: ClaimKeyRecord): RawBuilder<unknown> =>
  sql`(${sql.join(CLAIM_KEY_COLUMNS.map(({ name }) => sql.ref(name)))})
    values (${sql.join(CLAIM_KEY_COLUMNS.map(({ kind, get }) => columnValue(dialect, kind, get(key))))})`

export const claimKeyRecord = (row: RowReader): ClaimKeyRecord => ({
  id: row.text(0) ?? '',
  lookup: row.text(1) ?? '',
  typeKey: row.text(2) ?? '',
  name: row.text(3) ?? '',
  createsDevices: row.boolean(4) ?? false,
  idPrefix: row.text(5) ?? '',
  maxUses: row.number(6) ?? 0,
  uses: row.number(7) ?? 0,
  createdAt: row.number(8) ?? 0,
  expiresAt: row.number(9) ?? 0,
  revokedAt: row.number(10),
  labels: JSON.parse(row.text(11) ?? '{}') as Record<string, string>,
})

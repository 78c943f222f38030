import type { CredentialKind, CredentialRecord } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { selectList } from '../connection/sql-fragments.js'
import type { ColumnSource } from '../rows/column-source.js'
import { type RowReader, readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { CREDENTIAL_TABLE } from '../schema/tables.js'

/** In the order of the select list. */
export const CREDENTIAL_COLUMNS: readonly ColumnSource<CredentialRecord>[] = [
  { name: 'id', kind: 'text', get: ({ id }) => id },
  { name: 'type_key', kind: 'text', get: ({ typeKey }) => typeKey },
  { name: 'device_id', kind: 'text', get: ({ deviceId }) => deviceId },
  { name: 'kind', kind: 'text', get: ({ kind }) => kind },
  { name: 'lookup', kind: 'text', get: ({ lookup }) => lookup },
  { name: 'hash', kind: 'text', get: ({ hash }) => hash },
  { name: 'created_at', kind: 'time', get: ({ createdAt }) => createdAt },
  { name: 'expires_at', kind: 'time', get: ({ expiresAt }) => expiresAt },
]

export const credentialSelection = (dialect: SqlDialect) => selectList(dialect, CREDENTIAL_COLUMNS)

export const credentialRecord = (row: RowReader): CredentialRecord => ({
  id: row.text(0) ?? '',
  typeKey: row.text(1) ?? '',
  deviceId: row.text(2) ?? '',
  kind: row.text(3) as CredentialKind,
  lookup: row.text(4) ?? '',
  hash: row.text(5) ?? '',
  createdAt: row.number(6) ?? 0,
  expiresAt: row.number(7),
})

/** Values in one statement. */
const VALUES_MAX = 1000

/** Those that have one of these values in a column, and fulfil a condition. */
export async function readCredentials(
  on: Pick<Transaction, 'run' | 'dialect'>,
  column: 'id' | 'device_id' | 'lookup',
  values: Iterable<string>,
  condition: RawBuilder<unknown> = sql`1 = 1`,
): Promise<CredentialRecord[]> {
  const records: CredentialRecord[] = []
  for (const part of inParts([...new Set(values)], VALUES_MAX)) {
    const { rows } = await on.run(
      sql`select ${credentialSelection(on.dialect)} from ${sql.table(CREDENTIAL_TABLE)} as t
        where ${condition} and ${sql.ref(`t.${column}`)} in (${sql.join(part)})`,
    )
    records.push(...rows.map((row) => credentialRecord(readRow(row))))
  }
  return records
}

import type { AnyDeviceType } from '@devicehub/core'
import type { CredentialKind, CredentialStore, FoundCredential } from '@devicehub/core/storage'
import { isStorableText } from '@devicehub/core/transport'
import { type RawBuilder, sql } from 'kysely'
import type { KnownTypes } from '../commit/known-types.js'
import type { Connection } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { columnAlias, readRow } from '../rows/row-reader.js'
import { CREDENTIAL_TABLE, tableNames } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { inAccessTransaction, lockAccess, readAccess } from './access-clock.js'
import {
  CREDENTIAL_COLUMNS,
  credentialRecord,
  credentialSelection,
  readCredentials,
} from './credential-rows.js'
import { writeCredentials } from './write-credentials.js'

/** Look-ups in one query. */
const LOOKUPS_MAX = 1000
const LOOKUP_MAX = 255

export function createCredentialStore(
  connection: Connection,
  known: KnownTypes,
  types: readonly AnyDeviceType[],
): CredentialStore {
  const { dialect } = connection
  const ACTIVE = CREDENTIAL_COLUMNS.length
  // Null when the device was deleted, or its type is unknown to this hub.
  const isActive = activeSql(types)

  async function find(kind: CredentialKind, lookups: readonly string[]): Promise<FoundCredential[]> {
    // Anyone can send anything as a user name, including text that no database accepts.
    const possible = lookups.filter((one) => one.length <= LOOKUP_MAX && isStorableText(one))
    const found: FoundCredential[] = []
    for (const part of inParts([...new Set(possible)], LOOKUPS_MAX)) {
      const { rows } = await connection.run(
        sql`select ${credentialSelection(dialect)}, ${isActive} as ${sql.ref(columnAlias(ACTIVE))}
          from ${sql.table(CREDENTIAL_TABLE)} as t where t.lookup in (${sql.join(part)}) and t.kind = ${kind}`,
      )
      for (const row of rows.map(readRow)) {
        const active = row.boolean(ACTIVE)
        if (active !== null) found.push({ ...credentialRecord(row), isActive: active })
      }
    }
    return found
  }

  return {
    find: (kind, lookups) => asStorageErrors('looking up credentials', () => find(kind, lookups)),

    ofDevices(type, deviceIds) {
      return asStorageErrors('reading credentials', async () => {
        known.shapeOf(type)
        return readCredentials(connection, 'device_id', deviceIds, sql`t.type_key = ${type.key}`)
      })
    },

    write(writes) {
      return asStorageErrors('writing credentials', async () => {
        for (const { type } of writes) known.shapeOf(type)
        if (writes.length === 0) return []
        return inAccessTransaction(connection, async (transaction) =>
          writeCredentials(transaction, await lockAccess(transaction), writes),
        )
      })
    },

    changes: (position, limit) =>
      asStorageErrors('reading which credentials changed', () => readAccess(connection, position, limit)),
  }
}

/** Of the device of a row `t`; looks into the table of its type alone. */
function activeSql(types: readonly AnyDeviceType[]): RawBuilder<unknown> {
  if (types.length === 0) return sql`null`
  const cases = types.map((type) => {
    const table = sql.table(tableNames(type).device)
    return sql`when ${type.key} then (select d.is_active from ${table} as d where d.device_id = t.device_id)`
  })
  return sql`case t.type_key ${sql.join(cases, sql` `)} end`
}

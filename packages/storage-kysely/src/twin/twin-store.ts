import {
  applyDesired,
  type DesiredChange,
  type DueTwin,
  type SetDesiredOutcome,
  type TwinClaimRequest,
  type TwinStore,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { KnownTypes } from '../commit/known-types.js'
import type { Connection, Transaction } from '../connection/connection.js'
import { databaseNow, statementNow } from '../connection/database-clock.js'
import { numberSql } from '../connection/number-sql.js'
import { columnValue } from '../connection/sql-fragments.js'
import { retryConflicts } from '../query/retry-conflicts.js'
import { chosenOf } from '../query/within-sql.js'
import { readRow } from '../rows/row-reader.js'
import { TWIN_TABLE } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { inSyncValue } from './note-sync.js'
import { NO_TWIN, readStates, readTwins } from './twin-rows.js'

export function createTwinStore(connection: Connection, known: KnownTypes): TwinStore {
  const { dialect } = connection
  const table = sql.table(TWIN_TABLE)
  const now = databaseNow(dialect)
  const run = (query: RawBuilder<unknown>) => retryConflicts(() => connection.run(query))

  async function setDesired(transaction: Transaction, change: DesiredChange): Promise<SetDesiredOutcome> {
    const { type, deviceId, patch, ifVersion, at, within } = change
    const device = (await readStates(transaction, type, [deviceId], true)).get(deviceId)
    const isWithin =
      within === undefined || (await chosenOf(transaction, type, [deviceId], within)).length > 0
    if (device === undefined || !isWithin) return { outcome: 'device_not_found' }
    if (!device.isActive) return { outcome: 'device_inactive' }
    const row = (await readTwins(transaction, type, [deviceId], true)).get(deviceId) ?? NO_TWIN
    if (ifVersion !== undefined && ifVersion !== row.version)
      return { outcome: 'conflict', version: row.version }
    const next = applyDesired(row, patch, at, row.reportedVersion)
    // A document that is being published stays claimed: when that is recorded, the version differs and the row is due
    // again.
    await transaction.run(
      sql`update ${table} set desired = ${JSON.stringify(next.desired)}, desired_at = ${JSON.stringify(next.desiredAt)},
        in_sync = ${inSyncValue(dialect, type, next, device.state)}, version = ${next.version}, cleared = ${columnValue(dialect, 'boolean', false)},
        next_at = case when claim is not null and next_at is not null then next_at else ${now} end
        where type_key = ${type.key} and device_id = ${deviceId}`,
    )
    return { outcome: 'set', record: { ...row, ...next, state: device.state } }
  }

  async function claimDue({ claim, ttl, types, limit }: TwinClaimRequest): Promise<DueTwin[]> {
    if (types.length === 0) return []
    const { rows: due } = await connection.run(
      sql`select type_key as c0, device_id as c1 from ${table}
        where next_at <= ${statementNow(dialect)} and type_key in (${sql.join(types)})
        order by next_at limit ${numberSql(limit)}`,
    )
    if (due.length === 0) return []
    const keys = due
      .map(readRow)
      .map((row) => sql`(type_key = ${row.text(0)} and device_id = ${row.text(1)})`)
    const among = sql.join(keys, sql` or `)
    await run(
      sql`update ${table} set claim = ${claim}, next_at = ${now} + ${numberSql(Math.round(ttl))}
        where (${among}) and next_at <= ${now}`,
    )
    const { rows } = await connection.run(
      sql`select type_key as c0, device_id as c1, version as c2, desired as c3, cleared as c4
        from ${table} where (${among}) and claim = ${claim}`,
    )
    return rows.map(readRow).map((row) => ({
      typeKey: row.text(0) ?? '',
      deviceId: row.text(1) ?? '',
      version: row.number(2) ?? 0,
      desired: row.boolean(4) ? null : (JSON.parse(row.text(3) ?? '{}') as Record<string, unknown>),
    }))
  }

  return {
    get(type, deviceId, within) {
      known.shapeOf(type)
      return asStorageErrors(`reading the twin of ${deviceId}`, async () => {
        const device = (await readStates(connection, type, [deviceId], false, within)).get(deviceId)
        if (device === undefined) return null
        const row = (await readTwins(connection, type, [deviceId], false)).get(deviceId)
        return { ...(row ?? NO_TWIN), state: device.state }
      })
    },

    setDesired(change) {
      known.shapeOf(change.type)
      return asStorageErrors(`setting the desired state of ${change.deviceId}`, () =>
        retryConflicts(() =>
          connection.transaction({ messageTables: [], messagesFirst: false }, (transaction) =>
            setDesired(transaction, change),
          ),
        ),
      )
    },

    claimDue: (request) => asStorageErrors('claiming desired state', () => claimDue(request)),

    release: (claim, twins, delay) =>
      asStorageErrors('giving back desired state', async () => {
        for (const { typeKey, deviceId } of twins)
          await run(
            sql`update ${table} set claim = null, next_at = ${now} + ${numberSql(Math.round(delay))}
              where type_key = ${typeKey} and device_id = ${deviceId} and claim = ${claim}`,
          )
      }),
  }
}

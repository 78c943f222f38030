import { type AnyDeviceType, DeviceHubError } from '@devicehub/core'
import {
  type ClaimKeyRecord,
  type ClaimOutcome,
  type ClaimRequestRecord,
  type ClaimStore,
  isClaimKeyGood,
  judgeClaim,
  readCursor,
  writeCursor,
} from '@devicehub/core/storage'
import { isStorableText } from '@devicehub/core/transport'
import { type RawBuilder, sql } from 'kysely'
import type { KnownTypes } from '../commit/known-types.js'
import type { Connection, Transaction } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { and, forUpdate, timeValue } from '../connection/sql-fragments.js'
import { retryConflicts } from '../query/retry-conflicts.js'
import { readRow } from '../rows/row-reader.js'
import { CLAIM_KEY_TABLE, CLAIM_TABLE, tableNames } from '../schema/tables.js'
import { asStorageErrors, classify } from '../storage-error.js'
import { inAccessTransaction, lockAccess } from './access-clock.js'
import { claimKeyRecord, claimKeyRow, claimKeySelection } from './claim-rows.js'
import { readCredentials } from './credential-rows.js'
import { writeCredentials } from './write-credentials.js'

export function createClaimStore(connection: Connection, known: KnownTypes): ClaimStore {
  const { dialect } = connection
  const keys = sql.table(CLAIM_KEY_TABLE)
  const claims = sql.table(CLAIM_TABLE)
  const selection = claimKeySelection(dialect)

  /** The key, then the clock: see access-clock. */
  async function claim(transaction: Transaction, request: ClaimRequestRecord): Promise<ClaimOutcome> {
    const { keyId, proof, write, now } = request
    const { type, deviceId } = write
    const { rows } = await transaction.run(
      sql`select ${selection} from ${keys} as t where t.id = ${keyId} ${forUpdate(dialect)}`,
    )
    const key = rows[0] ? claimKeyRecord(readRow(rows[0])) : null
    // A key that is no longer valid must not block others at the counter.
    if (key === null || !isClaimKeyGood(key, now)) return 'key_refused'
    const position = await lockAccess(transaction)
    const outcome = judgeClaim({ key, ...(await stateOf(transaction, type, deviceId)) }, request)
    if (outcome !== 'claimed' && outcome !== 'repeated') return outcome
    await writeCredentials(transaction, position, [{ ...write, onlyNew: false }])
    if (outcome === 'repeated') return outcome
    await transaction.run(sql`update ${keys} set uses = uses + 1 where id = ${keyId}`)
    // A device that was deleted without the hub can leave its claim behind.
    await transaction.run(sql`delete from ${claims} where type_key = ${type.key} and device_id = ${deviceId}`)
    await transaction.run(
      sql`insert into ${claims} (type_key, device_id, key_id, proof, claimed_at)
        values (${type.key}, ${deviceId}, ${keyId}, ${proof}, ${timeValue(dialect, now)})`,
    )
    return outcome
  }

  async function stateOf(transaction: Transaction, type: AnyDeviceType, deviceId: string) {
    const { rows: devices } = await transaction.run(
      sql`select is_active as c0, mqtt_username as c1 from ${sql.table(tableNames(type).device)} where device_id = ${deviceId}`,
    )
    const { rows: claimed } = await transaction.run(
      sql`select proof as c0 from ${claims} where type_key = ${type.key} and device_id = ${deviceId}`,
    )
    const device = devices[0] && readRow(devices[0])
    const credentials = await readCredentials(
      transaction,
      'device_id',
      [deviceId],
      sql`t.type_key = ${type.key}`,
    )
    return {
      device: device ? { isActive: device.boolean(0) ?? false, username: device.text(1) } : null,
      proof: claimed[0] ? readRow(claimed[0]).text(0) : null,
      credentials: credentials.map(({ expiresAt }) => expiresAt),
    }
  }

  async function findKeys(conditions: readonly RawBuilder<unknown>[], limit: number) {
    const { rows } = await connection.run(
      sql`select ${selection} from ${keys} as t where ${and(conditions)}
        order by t.created_at desc, t.id desc limit ${numberSql(limit)}`,
    )
    return rows.map((row) => claimKeyRecord(readRow(row)))
  }

  return {
    createKey: (key) =>
      asStorageErrors('creating a claim key', async () => {
        try {
          await retryConflicts(() => connection.run(sql`insert into ${keys} ${claimKeyRow(dialect, key)}`))
        } catch (error) {
          if (classify(error) !== 'unique') throw error
          throw new DeviceHubError(
            'storage_failed',
            'A claim key of this id, or the same key, exists already; both are unique.',
            { cause: error },
          )
        }
      }),

    findKey: (lookup) =>
      asStorageErrors('looking up a claim key', async () => {
        if (!isStorableText(lookup)) return null
        const [key] = await findKeys([sql`t.lookup = ${lookup}`], 1)
        return key ?? null
      }),

    listKeys: ({ limit, cursor }) =>
      asStorageErrors('listing claim keys', async () => {
        const conditions: RawBuilder<unknown>[] = []
        if (cursor !== undefined) {
          const before = readCursor('claim keys', cursor)
          const time = timeValue(dialect, before.key)
          conditions.push(sql`t.created_at <= ${time} and (t.created_at < ${time} or t.id < ${before.tie})`)
        }
        const found = await findKeys(conditions, limit + 1)
        const items: readonly ClaimKeyRecord[] = found.slice(0, limit)
        const last = found.length > limit ? items.at(-1) : undefined
        return { items, cursor: last ? writeCursor('claim keys', last.createdAt, last.id) : null }
      }),

    revokeKey: (id, now) =>
      asStorageErrors('withdrawing a claim key', async () => {
        if (!isStorableText(id)) return false
        const { affected } = await retryConflicts(() =>
          connection.run(
            sql`update ${keys} set revoked_at = ${timeValue(dialect, now)} where id = ${id} and revoked_at is null`,
          ),
        )
        return affected > 0
      }),

    claim: (request) =>
      asStorageErrors(`claiming ${request.write.deviceId}`, async () => {
        known.shapeOf(request.write.type)
        return inAccessTransaction(connection, (transaction) => claim(transaction, request))
      }),
  }
}

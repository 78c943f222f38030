import type { AnyDeviceType } from '@devicehub/core'
import {
  type CredentialOutcome,
  type CredentialPlan,
  type CredentialRecord,
  type CredentialRows,
  type CredentialWrite,
  planCredentialWrites,
  type TwinKey,
  type UsernameChange,
} from '@devicehub/core/storage'
import { sql } from 'kysely'
import { buildInsert } from '../commit/columns.js'
import { compare } from '../commit/prepare-batch.js'
import type { Transaction } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { forNoKeyUpdate, timeValue } from '../connection/sql-fragments.js'
import { insertDevices } from '../query/insert-devices.js'
import { hasLabels, writeLabelRows } from '../query/write-labels.js'
import { deviceShape } from '../rows/device-columns.js'
import { readRow } from '../rows/row-reader.js'
import { CREDENTIAL_TABLE, tableNames } from '../schema/tables.js'
import { noteAccess } from './access-clock.js'
import { CREDENTIAL_COLUMNS, readCredentials } from './credential-rows.js'

const DEVICES_MAX = 500
const IDS_MAX = 1000
/** Devices in a statement with a CASE, which is searched from the start for each. */
const NAMES_MAX = 100

/** Under the clock whose position this is, which keeps all other writers of credentials away. */
export async function writeCredentials(
  transaction: Transaction,
  position: number,
  writes: readonly CredentialWrite[],
): Promise<readonly CredentialOutcome[]> {
  const plan = planCredentialWrites(writes, await readRows(transaction, writes))
  await apply(transaction, plan)
  await noteAccess(transaction, position, plan.changed)
  return plan.outcomes
}

async function readRows(
  transaction: Transaction,
  writes: readonly CredentialWrite[],
): Promise<CredentialRows> {
  const types = new Map(writes.map(({ type }) => [type.key, type]))
  const devices: (TwinKey & { readonly username: string | null })[] = []
  const credentials = new Map<string, CredentialRecord>()
  const note = (records: readonly CredentialRecord[]) => {
    for (const record of records) credentials.set(record.id, record)
  }
  for (const [typeKey, type] of types) {
    const own = writes.filter((write) => write.type.key === typeKey)
    const ids = own.map(({ deviceId }) => deviceId)
    const names = own.flatMap(({ username, create }) => username ?? create?.mqttUsername ?? [])
    devices.push(...(await readDevices(transaction, type, 'device_id', ids)))
    devices.push(...(await readDevices(transaction, type, 'mqtt_username', names)))
    note(await readCredentials(transaction, 'device_id', ids, sql`t.type_key = ${typeKey}`))
  }
  const added = writes.flatMap(({ add }) => add)
  for (const column of ['id', 'lookup'] as const)
    note(
      await readCredentials(
        transaction,
        column,
        added.map((one) => one[column]),
      ),
    )
  return { devices, credentials: [...credentials.values()] }
}

async function readDevices(
  transaction: Transaction,
  type: AnyDeviceType,
  column: 'device_id' | 'mqtt_username',
  values: readonly string[],
): Promise<(TwinKey & { readonly username: string | null })[]> {
  const devices = []
  for (const part of inParts([...new Set(values)], IDS_MAX)) {
    const { rows } = await transaction.run(
      sql`select device_id as c0, mqtt_username as c1 from ${sql.table(tableNames(type).device)}
        where ${sql.ref(column)} in (${sql.join(part)})`,
    )
    for (const row of rows.map(readRow))
      devices.push({ typeKey: type.key, deviceId: row.text(0) ?? '', username: row.text(1) })
  }
  return devices
}

async function apply(transaction: Transaction, plan: CredentialPlan): Promise<void> {
  const { dialect } = transaction
  const table = sql.table(CREDENTIAL_TABLE)
  // Locks devices first: see access-clock.ts.
  for (const [type, changes] of byType(plan.usernames)) await rename(transaction, type, changes)
  for (const [type, created] of byType(plan.created))
    for (const part of inParts(created, DEVICES_MAX)) {
      const records = part.map(({ record }) => record)
      await transaction.run(insertDevices(dialect, type, deviceShape(type), records))
      await writeLabelRows(transaction, type, records.filter(hasLabels))
    }
  for (const part of inParts(plan.removed, IDS_MAX))
    await transaction.run(sql`delete from ${table} where id in (${sql.join(part)})`)
  for (const [expiresAt, ending] of grouped(plan.expiring, (one) => one.expiresAt))
    for (const part of inParts(ending, IDS_MAX))
      await transaction.run(
        sql`update ${table} set expires_at = ${timeValue(dialect, expiresAt)}
          where id in (${sql.join(part.map(({ id }) => id))})`,
      )
  if (plan.added.length > 0)
    await transaction.write({
      inserts: [buildInsert(CREDENTIAL_TABLE, CREDENTIAL_COLUMNS, plan.added)],
      touches: [],
    })
}

/** All of them are given back before one is taken: a name can go from one device to another. */
async function rename(
  transaction: Transaction,
  type: AnyDeviceType,
  changes: readonly UsernameChange[],
): Promise<void> {
  const { dialect } = transaction
  const table = sql.table(tableNames(type).device)
  const sorted = [...changes].sort((a, b) => compare(a.deviceId, b.deviceId))
  for (const part of inParts(sorted, IDS_MAX))
    await transaction.run(
      sql`select 1 as c0 from ${table} where device_id in (${sql.join(part.map(({ deviceId }) => deviceId))})
        order by device_id ${forNoKeyUpdate(dialect)}`,
    )
  for (const [now, of] of grouped(sorted, (change) => change.now))
    for (const part of inParts(of, IDS_MAX))
      await transaction.run(
        sql`update ${table} set mqtt_username = null, updated_at = ${timeValue(dialect, now)}
          where device_id in (${sql.join(part.map(({ deviceId }) => deviceId))})`,
      )
  const named = sorted.filter(({ username }) => username !== null)
  for (const part of inParts(named, NAMES_MAX)) {
    const cases = part.map(({ deviceId, username }) => sql`when ${deviceId} then ${username}`)
    await transaction.run(
      sql`update ${table} set mqtt_username = case device_id ${sql.join(cases, sql` `)} end
        where device_id in (${sql.join(part.map(({ deviceId }) => deviceId))})`,
    )
  }
}

/** In the order in which devices are locked. */
const byType = <T extends { readonly type: AnyDeviceType }>(
  all: readonly T[],
): (readonly [AnyDeviceType, T[]])[] =>
  [...grouped(all, ({ type }) => type.key)]
    .sort(([a], [b]) => compare(a, b))
    .map(([, group]) => [(group[0] as T).type, group])

function grouped<K, T>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const one of all) {
    const group = groups.get(keyOf(one))
    if (group) group.push(one)
    else groups.set(keyOf(one), [one])
  }
  return groups
}

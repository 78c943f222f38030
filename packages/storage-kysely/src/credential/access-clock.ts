import type { AccessChanges, TwinKey } from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { Connection, Transaction, TransactionOptions } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { forUpdate, insertIfAbsent } from '../connection/sql-fragments.js'
import { retryConflicts } from '../query/retry-conflicts.js'
import { readRow } from '../rows/row-reader.js'
import { ACCESS_TABLE } from '../schema/tables.js'
import { classify } from '../storage-error.js'

/** Milliseconds a process may be silent in a transaction that others wait for: a frozen one must not stop revocations. */
const IDLE_LIMIT = 5000
/** Devices in one statement. */
const DEVICES_MAX = 500

export const ACCESS_TRANSACTION = {
  messageTables: [],
  messagesFirst: false,
  idleLimit: IDLE_LIMIT,
} as const satisfies TransactionOptions

/** Times a device that somebody else has just made, or its user name, may be met. */
const ATTEMPTS = 3

/** Whoever makes devices does not ask the clock: what was made meanwhile is found when the work is done again. */
export async function inAccessTransaction<T>(
  connection: Connection,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await retryConflicts(() => connection.transaction(ACCESS_TRANSACTION, work))
    } catch (error) {
      if (attempt >= ATTEMPTS || classify(error) !== 'unique') throw error
    }
}

const table = sql.table(ACCESS_TABLE)
const isClock = sql`type_key = '' and device_id = ''`

/**
 * Locks the counter of access changes until the transaction ends. Such transactions therefore follow each other:
 * their counts (column `epoch`) are in commit order, and a reader that has seen one has seen all before it.
 *
 * Every transaction locks in this order: the claim key, the counter, devices by type and id, what belongs to devices
 * (commands, twins, credentials, claims). So whoever holds a device never waits for the counter.
 */
export async function lockAccess(transaction: Transaction): Promise<number> {
  return (await lockClock(transaction)) ?? (await startClock(transaction))
}

async function lockClock(transaction: Transaction): Promise<number | null> {
  const { rows } = await transaction.run(
    sql`select epoch as c0 from ${table} where ${isClock} ${forUpdate(transaction.dialect)}`,
  )
  return rows[0] ? readRow(rows[0]).number(0) : null
}

async function startClock(transaction: Transaction): Promise<number> {
  await transaction.run(
    insertIfAbsent(transaction.dialect, ACCESS_TABLE, sql`(type_key, device_id, epoch) values ('', '', 0)`),
  )
  return (await lockClock(transaction)) ?? 0
}

/** Notes which devices the transaction changed; `position` is what `lockAccess` gave. */
export async function noteAccess(
  transaction: Transaction,
  position: number,
  devices: readonly TwinKey[],
): Promise<void> {
  if (devices.length === 0) return
  const next = numberSql(position + 1)
  const replace =
    transaction.dialect === 'mysql'
      ? sql`on duplicate key update epoch = ${next}`
      : sql`on conflict (type_key, device_id) do update set epoch = ${next}`
  await transaction.run(sql`update ${table} set epoch = ${next} where ${isClock}`)
  for (let at = 0; at < devices.length; at += DEVICES_MAX) {
    const rows = devices
      .slice(at, at + DEVICES_MAX)
      .map(({ typeKey, deviceId }) => sql`(${typeKey}, ${deviceId}, ${next})`)
    await transaction.run(
      sql`insert into ${table} (type_key, device_id, epoch) values ${sql.join(rows)} ${replace}`,
    )
  }
}

/** The clock first: what is committed between the two statements is told now, and once more the next time. */
export async function readAccess(
  connection: Connection,
  position: number | null,
  limit: number,
): Promise<AccessChanges> {
  const { rows: clock } = await connection.run(sql`select epoch as c0 from ${table} where ${isClock}`)
  const present = (clock[0] && readRow(clock[0]).number(0)) ?? 0
  if (position === null || position === present) return { position: present, devices: [] }
  // A position from another database, or from this one before a restore.
  if (position > present) return { position: present, devices: null }
  const { rows } = await connection.run(
    sql`select type_key as c0, device_id as c1 from ${table}
      where epoch > ${numberSql(position)} and type_key <> '' order by epoch limit ${numberSql(limit + 1)}`,
  )
  if (rows.length > limit) return { position: present, devices: null }
  return {
    position: present,
    devices: rows.map(readRow).map((row) => ({ typeKey: row.text(0) ?? '', deviceId: row.text(1) ?? '' })),
  }
}

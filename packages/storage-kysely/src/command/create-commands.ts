import type { AnyDeviceType, DeviceStatus } from '@devicehub/core'
import {
  type CommandClaimRequest,
  type Condition,
  type CreateOutcome,
  commandExists,
  type JudgedCommand,
  judgeNewCommands,
  type NewCommand,
  type NewCommandRows,
  type QueuedAhead,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { compare } from '../commit/prepare-batch.js'
import type { Connection, Transaction } from '../connection/connection.js'
import { databaseNow } from '../connection/database-clock.js'
import { numberSql } from '../connection/number-sql.js'
import { columnValue, forShare, timeValue } from '../connection/sql-fragments.js'
import { retryConflicts } from '../query/retry-conflicts.js'
import { chosenOf } from '../query/within-sql.js'
import { readRow } from '../rows/row-reader.js'
import { COMMAND_TABLE, tableNames } from '../schema/tables.js'
import { classify } from '../storage-error.js'
import { claimNewCommands } from './claim-new-commands.js'

/** Rows in one statement. */
const ROWS_MAX = 500

/**
 * Writes commands in one transaction that locks the rows of their devices: a commit that makes a device reachable
 * either is visible here, or sees these commands.
 */
export async function createCommands(
  connection: Connection,
  commands: readonly NewCommand[],
  claim: CommandClaimRequest | null,
): Promise<CreateOutcome[]> {
  try {
    if (await retryConflicts(() => claimNewCommands(connection, commands, claim)))
      return commands.map(() => 'claimed')
    return await retryConflicts(() =>
      connection.transaction({ messageTables: [], messagesFirst: false }, async (transaction) => {
        const judged = await judge(transaction, commands, claim)
        await insert(transaction, commands, judged, claim)
        return judged.map(({ outcome }) => outcome)
      }),
    )
  } catch (error) {
    const failure = classify(error)
    if (failure === 'unique') throw commandExists(error)
    const written = failure === 'lost' ? await outcomesOf(connection, commands, claim) : null
    if (written === null) throw error
    return written
  }
}

/** After a broken connection: all commands are stored, or none. Null for none. */
async function outcomesOf(
  connection: Connection,
  commands: readonly NewCommand[],
  claim: CommandClaimRequest | null,
): Promise<CreateOutcome[] | null> {
  const { rows } = await connection.run(
    sql`select command_id as c0, claim as c1 from ${sql.table(COMMAND_TABLE)}
      where command_id in (${sql.join(commands.map(({ id }) => id))})`,
  )
  if (rows.length === 0) return null
  const claims = new Map(rows.map(readRow).map((row) => [row.text(0), row.text(1)]))
  const judged = await connection.transaction({ messageTables: [], messagesFirst: false }, (transaction) =>
    judge(transaction, commands, null),
  )
  return commands.map(({ id }, index) => {
    const found = claims.get(id)
    if (found === undefined) return judged[index]?.outcome ?? 'device_not_found'
    return found !== null && found === claim?.claim ? 'claimed' : 'queued'
  })
}

/** Decides on each command, by its device and the commands already waiting for it. */
async function judge(
  transaction: Transaction,
  commands: readonly NewCommand[],
  claim: CommandClaimRequest | null,
): Promise<JudgedCommand[]> {
  const idsOf = new Map<AnyDeviceType, Set<string>>()
  for (const { type, deviceId } of commands) {
    const ids = idsOf.get(type) ?? new Set()
    idsOf.set(type, ids.add(deviceId))
  }
  const types = [...idsOf].sort(([a], [b]) => compare(a.key, b.key))
  const devices = new Map<string, { readonly status: DeviceStatus; readonly isActive: boolean }>()
  for (const [type, ids] of types) {
    const { rows } = await transaction.run(
      sql`select device_id as c0, status as c1, is_active as c2 from ${sql.table(tableNames(type).device)}
        where device_id in (${sql.join([...ids].sort(compare))}) order by device_id ${forShare(transaction.dialect)}`,
    )
    for (const row of rows.map(readRow))
      devices.set(`${type.key}/${row.text(0)}`, {
        status: row.text(1) as DeviceStatus,
        isActive: row.boolean(2) ?? false,
      })
  }
  const outside = await outsideOf(transaction, commands)
  const ahead = claim === null ? null : await queuedAhead(transaction, types, claim.claim)
  const rows: NewCommandRows = {
    isWithin: (command) => !outside.has(command),
    device: (type, deviceId) => devices.get(`${type.key}/${deviceId}`) ?? null,
    ahead: (type, deviceId) => ahead?.get(`${type.key}/${deviceId}`) ?? NOTHING_AHEAD,
  }
  return judgeNewCommands(commands, rows, claim)
}

/** The commands whose condition does not hold for their device, whose row is locked. */
async function outsideOf(
  transaction: Transaction,
  commands: readonly NewCommand[],
): Promise<ReadonlySet<NewCommand>> {
  const outside = new Set<NewCommand>()
  const scopes = new Map<string, NewCommand[]>()
  for (const command of commands) {
    if (command.within === undefined) continue
    const scope = `${command.type.key} ${JSON.stringify(command.within)}`
    scopes.set(scope, [...(scopes.get(scope) ?? []), command])
  }
  for (const of of scopes.values()) {
    const [{ type, within }] = of as [NewCommand]
    const ids = [...new Set(of.map(({ deviceId }) => deviceId))]
    const chosen = new Set(await chosenOf(transaction, type, ids, within as Condition))
    for (const command of of) if (!chosen.has(command.deviceId)) outside.add(command)
  }
  return outside
}

const NOTHING_AHEAD: QueuedAhead = { any: false, send: false }

/** By device, without the caller's own. */
async function queuedAhead(
  transaction: Transaction,
  types: readonly (readonly [AnyDeviceType, ReadonlySet<string>])[],
  claim: string,
): Promise<Map<string, QueuedAhead>> {
  const ahead = new Map<string, QueuedAhead>()
  for (const [type, ids] of types) {
    const { rows } = await transaction.run(
      sql`select device_id as c0, max(case when on_offline = 'send' then 1 else 0 end) as c1
        from ${sql.table(COMMAND_TABLE)}
        where type_key = ${type.key} and device_id in (${sql.join([...ids])}) and state = 'queued'
          and (claim is null or claim <> ${claim}) group by device_id`,
    )
    for (const row of rows.map(readRow))
      ahead.set(`${type.key}/${row.text(0)}`, { any: true, send: row.number(1) === 1 })
  }
  return ahead
}

async function insert(
  transaction: Transaction,
  commands: readonly NewCommand[],
  judged: readonly JudgedCommand[],
  claim: CommandClaimRequest | null,
): Promise<void> {
  const { dialect } = transaction
  const now = databaseNow(dialect)
  const rows = commands.flatMap((command, index): RawBuilder<unknown>[] => {
    const { outcome, dueIn } = judged[index] as JudgedCommand
    if (outcome !== 'claimed' && outcome !== 'queued') return []
    return [
      sql`(${command.id}, ${command.type.key}, ${command.deviceId}, ${command.command},
        ${columnValue(dialect, 'text', command.payload)}, 'queued', 0, ${numberSql(command.retries)},
        ${numberSql(command.timeout)}, ${numberSql(command.expiresIn)}, ${command.onOffline},
        ${columnValue(dialect, 'text', command.batch)},
        ${columnValue(dialect, 'text', outcome === 'claimed' ? claim?.claim : null)},
        ${now} + ${numberSql(Math.round(dueIn))}, ${now} + ${numberSql(command.expiresIn)},
        ${timeValue(dialect, command.createdAt)})`,
    ]
  })
  for (let at = 0; at < rows.length; at += ROWS_MAX)
    await transaction.run(
      sql`insert into ${sql.table(COMMAND_TABLE)}
        (command_id, type_key, device_id, command, payload, state, attempts, retries, timeout, expires_in, on_offline,
          batch, claim, next_at, expires_at, created_at)
        values ${sql.join(rows.slice(at, at + ROWS_MAX))}`,
    )
}

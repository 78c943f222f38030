import { type AnyDeviceType, DEVICE_STATUSES } from '@devicehub/core'
import { type CommandClaimRequest, isReachable, type NewCommand } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { compare } from '../commit/prepare-batch.js'
import type { Connection } from '../connection/connection.js'
import { databaseNow } from '../connection/database-clock.js'
import { numberSql } from '../connection/number-sql.js'
import { columnValue, forShare, timeValue } from '../connection/sql-fragments.js'
import { COMMAND_TABLE, tableNames } from '../schema/tables.js'

/** Rows in one statement. */
const ROWS_MAX = 500

/**
 * The common case in one statement: commands of one type whose devices are all reachable and have no other commands
 * queued are inserted as claimed. Returns false, and writes nothing, when one of them is not such a case.
 */
export async function claimNewCommands(
  connection: Connection,
  commands: readonly NewCommand[],
  claim: CommandClaimRequest | null,
): Promise<boolean> {
  const { dialect } = connection
  const [type, ...others] = new Set(commands.map((command) => command.type))
  // MySQL would lock the gaps between the rows it reads.
  if (dialect === 'mysql' || type === undefined || others.length > 0 || commands.length > ROWS_MAX)
    return false
  if (!claim?.types.includes(type.key)) return false
  const { affected } = await connection.run(insertSql(connection, type, commands, claim))
  return affected > 0
}

function insertSql(
  { dialect }: Connection,
  type: AnyDeviceType,
  commands: readonly NewCommand[],
  { claim, ttl }: CommandClaimRequest,
): RawBuilder<unknown> {
  const deviceIds = [...new Set(commands.map(({ deviceId }) => deviceId))].sort(compare)
  const ids = sql.join(deviceIds)
  const statuses = sql.join(DEVICE_STATUSES.filter(isReachable))
  const now = databaseNow(dialect)
  const rows = commands.map(
    (command) => sql`(${command.id}, ${command.deviceId}, ${command.command},
      ${columnValue(dialect, 'text', command.payload)}, ${numberSql(command.retries)}, ${numberSql(command.timeout)},
      ${numberSql(command.expiresIn)}, ${command.onOffline}, ${columnValue(dialect, 'text', command.batch)},
      ${timeValue(dialect, command.createdAt)})`,
  )
  return sql`with device as ${dialect === 'postgres' ? sql`materialized` : sql``} (
      select status, is_active from ${sql.table(tableNames(type).device)}
      where device_id in (${ids}) order by device_id ${forShare(dialect)}
    )
    insert into ${sql.table(COMMAND_TABLE)} (command_id, type_key, device_id, command, payload, state, attempts, retries,
      timeout, expires_in, on_offline, batch, claim, next_at, expires_at, created_at)
    select v.column1, ${type.key}, v.column2, v.column3, v.column4, 'queued', 0, v.column5, v.column6, v.column7,
      v.column8, v.column9, ${claim}, ${now} + ${numberSql(Math.round(ttl))}, ${now} + v.column7, v.column10
    from (values ${sql.join(rows)}) as v
    where (select count(*) from device where ${columnIsTrue(dialect)} and status in (${statuses})) = ${numberSql(deviceIds.length)}
      and not exists (
        select 1 from ${sql.table(COMMAND_TABLE)} as q where q.type_key = ${type.key} and q.device_id in (${ids})
          and q.state = 'queued' and (q.claim is null or q.claim <> ${claim})
      )`
}

const columnIsTrue = (dialect: Connection['dialect']): RawBuilder<unknown> =>
  dialect === 'postgres' ? sql`is_active` : sql`is_active = 1`

import type { AnyDeviceType } from '@devicehub/core'
import { DEVICE_STATUSES } from '@devicehub/core/definition'
import { type CommandClaimRequest, isReachable, type NewCommand } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { compare } from '../commit/prepare-batch.js'
import type { Connection } from '../connection/connection.js'
import { databaseNow } from '../connection/database-clock.js'
import { numberSql } from '../connection/number-sql.js'
import { textArray } from '../connection/postgres-write.js'
import { forShare } from '../connection/sql-fragments.js'
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
  // Whether they are in a scope is looked at under locks of their devices.
  if (commands.some(({ within }) => within !== undefined)) return false
  const { affected } = await connection.run(insertSql(connection, type, commands, claim))
  return affected > 0
}

/** The text is the same for any number of rows: each database prepares it once, and nobody reads ten parameters a row. */
function insertSql(
  { dialect }: Connection,
  type: AnyDeviceType,
  commands: readonly NewCommand[],
  { claim, ttl }: CommandClaimRequest,
): RawBuilder<unknown> {
  const deviceIds = [...new Set(commands.map(({ deviceId }) => deviceId))].sort(compare)
  const isOneOfThem = oneOf(dialect, deviceIds)
  const statuses = sql.join(DEVICE_STATUSES.filter(isReachable))
  const now = databaseNow(dialect)
  return sql`with device as ${dialect === 'postgres' ? sql`materialized` : sql``} (
      select status, is_active from ${sql.table(tableNames(type).device)}
      where device_id ${isOneOfThem} order by device_id ${forShare(dialect)}
    )
    insert into ${sql.table(COMMAND_TABLE)} (command_id, type_key, device_id, command, payload, state, attempts, retries,
      timeout, expires_in, on_offline, batch, claim, next_at, expires_at, created_at)
    select v.id, ${type.key}, v.device, v.command, v.payload, 'queued', 0, v.retries, v.timeout, v.expires_in,
      v.on_offline, v.batch, ${claim}, ${now} + ${numberSql(Math.round(ttl))}, ${now} + v.expires_in,
      ${dialect === 'postgres' ? sql`to_timestamp(v.created_at / 1000)` : sql`v.created_at`}
    from ${rowsSql(dialect, commands)}
    where (select count(*) from device where ${columnIsTrue(dialect)} and status in (${statuses})) = ${numberSql(deviceIds.length)}
      and not exists (
        select 1 from ${sql.table(COMMAND_TABLE)} as q where q.type_key = ${type.key} and q.device_id ${isOneOfThem}
          and q.state = 'queued' and (q.claim is null or q.claim <> ${claim})
      )`
}

const oneOf = (dialect: Connection['dialect'], deviceIds: readonly string[]): RawBuilder<unknown> =>
  dialect === 'postgres'
    ? sql`= any(${textArray(deviceIds)}::text::text[])`
    : sql`in (select value from json_each(${JSON.stringify(deviceIds)}))`

/** What a row of `v` has, and its type in PostgreSQL. */
const COLUMNS: readonly (readonly [name: string, type: string, get: (command: NewCommand) => unknown])[] = [
  ['id', 'text', ({ id }) => id],
  ['device', 'text', ({ deviceId }) => deviceId],
  ['command', 'text', ({ command }) => command],
  ['payload', 'text', ({ payload }) => payload],
  ['retries', 'float8', ({ retries }) => retries],
  ['timeout', 'float8', ({ timeout }) => timeout],
  ['expires_in', 'float8', ({ expiresIn }) => expiresIn],
  ['on_offline', 'text', ({ onOffline }) => onOffline],
  ['batch', 'text', ({ batch }) => batch],
  ['created_at', 'float8', ({ createdAt }) => createdAt],
]

/** The rows, in order, out of one JSON text: a list of lists. */
function rowsSql(dialect: Connection['dialect'], commands: readonly NewCommand[]): RawBuilder<unknown> {
  const rows = JSON.stringify(commands.map((command) => COLUMNS.map(([, , get]) => get(command))))
  const values = COLUMNS.map(([name, type], index) =>
    dialect === 'postgres'
      ? sql`(value ->> ${numberSql(index)})::${sql.ref(type)} as ${sql.ref(name)}`
      : sql`value ->> ${numberSql(index)} as ${sql.ref(name)}`,
  )
  const list =
    dialect === 'postgres' ? sql`json_array_elements(${rows}::text::json)` : sql`json_each(${rows})`
  return sql`(select ${sql.join(values)} from ${list}) as v`
}

const columnIsTrue = (dialect: Connection['dialect']): RawBuilder<unknown> =>
  dialect === 'postgres' ? sql`is_active` : sql`is_active = 1`

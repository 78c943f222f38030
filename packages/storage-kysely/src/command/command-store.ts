import {
  BLOCKED_MS,
  type CommandClaimRequest,
  type CommandFilter,
  type CommandRecord,
  type CommandStore,
  type DevicesOfType,
  isBlocked,
  readNumericCursor,
  writeCursor,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { KnownTypes } from '../commit/known-types.js'
import type { Connection } from '../connection/connection.js'
import { databaseNow, statementNow } from '../connection/database-clock.js'
import { numberSql } from '../connection/number-sql.js'
import { and, selectList } from '../connection/sql-fragments.js'
import { idOf, pageOf } from '../query/bounded-rows.js'
import { retryConflicts } from '../query/retry-conflicts.js'
import { withinSql } from '../query/within-sql.js'
import { readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { COMMAND_TABLE } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { COMMAND_COLUMNS, commandColumns, commandRow } from './command-rows.js'
import { createCommands } from './create-commands.js'
import { newRecord, type RecentCommands } from './recent-commands.js'
import { wakeCommands } from './wake-commands.js'

export function createCommandStore(
  connection: Connection,
  known: KnownTypes,
  recent: RecentCommands,
): CommandStore {
  const { dialect } = connection
  const table = sql.table(COMMAND_TABLE)
  const now = databaseNow(dialect)
  const columns = commandColumns(dialect)
  const selection = selectList(dialect, columns)
  /** Whether an earlier command of the device of row `t` is waiting that is not the caller's. */
  const queuedBefore = (claim: string, more = sql``) =>
    sql`exists (select 1 from ${table} as e where e.type_key = t.type_key and e.device_id = t.device_id and e.id < t.id
      and e.state = 'queued' and (e.claim is null or e.claim <> ${claim}) ${more})`
  const run = (query: RawBuilder<unknown>) => retryConflicts(() => connection.run(query))

  async function claimDue(
    request: CommandClaimRequest & { readonly limit: number },
  ): Promise<CommandRecord[]> {
    const { claim, ttl, types, limit } = request
    const began = statementNow(dialect)
    const publishable = types.length === 0 ? sql`1 = 0` : sql`type_key in (${sql.join(types)})`
    const { rows: due } = await connection.run(
      sql`select id as c0 from ${table} where next_at <= ${began}
        and (${publishable} or expires_at <= ${began} or state = 'accepted' or (state = 'sent' and attempts > retries))
        order by next_at, id limit ${numberSql(limit)}`,
    )
    if (due.length === 0) return []
    const ids = sql.join(due.map((row) => readRow(row).number(0)).sort((a, b) => (a ?? 0) - (b ?? 0)))
    await run(
      sql`update ${table} set claim = ${claim}, next_at = ${now} + ${numberSql(Math.round(ttl))}
        where id in (${ids}) and next_at <= ${now}`,
    )
    // Only rows with this claim: another caller may have claimed the others meanwhile.
    const { rows } = await connection.run(
      sql`select ${selection}, case when t.state = 'queued' and t.expires_at > ${now} and ${queuedBefore(claim)} then 1 else 0 end as ${sql.ref(`c${COMMAND_COLUMNS}`)},
        case when t.state = 'queued' and t.on_offline = 'send' and ${queuedBefore(claim, sql`and e.on_offline = 'send'`)} then 1 else 0 end as ${sql.ref(`c${COMMAND_COLUMNS + 1}`)}
        from ${table} as t where t.id in (${ids}) and t.claim = ${claim} order by t.id`,
    )
    const read = rows.map(readRow).map((row) => {
      const { id, record } = commandRow(row)
      const ahead = { any: row.number(COMMAND_COLUMNS) === 1, send: row.number(COMMAND_COLUMNS + 1) === 1 }
      return { id, record, waits: ahead.any && isBlocked(record.onOffline, ahead) }
    })
    const blocked = read.filter(({ waits }) => waits).map(({ id }) => id)
    if (blocked.length > 0)
      await run(
        sql`update ${table} set claim = null, next_at = ${now} + ${numberSql(BLOCKED_MS)}
          where id in (${sql.join(blocked)}) and claim = ${claim}`,
      )
    const claimed = read.filter(({ waits }) => !waits).map(({ record }) => record)
    recent.add(claimed)
    return claimed
  }

  return {
    create(commands, claim) {
      for (const { type } of commands) known.shapeOf(type)
      return asStorageErrors('writing commands', async () => {
        if (commands.length === 0) return []
        const outcomes = await createCommands(connection, commands, claim)
        recent.add(commands.filter((_, index) => outcomes[index] === 'claimed').map(newRecord))
        return outcomes
      })
    },

    find: (ids, within) =>
      asStorageErrors('reading commands', async () => {
        if (ids.length === 0 || within?.length === 0) return []
        const isVisible =
          within === undefined
            ? sql``
            : sql`and ${visibleSql(dialect, within, ids.length > 1 ? undefined : deviceOf(ids[0]))}`
        const { rows } = await connection.run(
          sql`select ${selection} from ${table} as t where t.command_id in (${sql.join([...new Set(ids)])}) ${isVisible}`,
        )
        return rows.map((row) => commandRow(readRow(row)).record)
      }),

    list: (filter, page) =>
      asStorageErrors('listing commands', async () => {
        if (filter.states?.length === 0 || filter.within?.length === 0) return { items: [], cursor: null }
        const conditions = filterSql(dialect, filter)
        const { cursor } = page
        if (cursor !== undefined) conditions.push(sql`t.id < ${readNumericCursor('commands', cursor).key}`)
        const { rows, last } = await pageOf(connection, {
          table: COMMAND_TABLE,
          columns,
          conditions,
          order: sql`t.id desc`,
          page,
        })
        return {
          items: rows.map((row) => commandRow(row).record),
          cursor: last === null ? null : writeCursor('commands', idOf(last), 0),
        }
      }),

    claimDue: (request) => asStorageErrors('claiming commands', () => claimDue(request)),

    release: (claim, ids, delay) =>
      asStorageErrors('giving back commands', async () => {
        if (ids.length === 0) return
        await run(
          sql`update ${table} set claim = null, next_at = ${now} + ${numberSql(Math.round(delay))}
            where command_id in (${sql.join(ids)}) and claim = ${claim} and finished_at is null`,
        )
      }),

    wake(type, deviceIds) {
      known.shapeOf(type)
      return asStorageErrors('waking commands', () =>
        retryConflicts(() => wakeCommands(connection, type, deviceIds)),
      )
    },
  }
}

function filterSql(
  dialect: SqlDialect,
  { typeKey, deviceId, states, command, batch, within }: CommandFilter,
): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = []
  if (typeKey !== undefined) conditions.push(sql`t.type_key = ${typeKey}`)
  if (deviceId !== undefined) conditions.push(sql`t.device_id = ${deviceId}`)
  if (states !== undefined) conditions.push(sql`t.state in (${sql.join(states)})`)
  if (command !== undefined) conditions.push(sql`t.command = ${command}`)
  if (batch !== undefined) conditions.push(sql`t.batch = ${batch}`)
  if (within !== undefined)
    conditions.push(visibleSql(dialect, within, deviceId === undefined ? undefined : sql`${deviceId}`))
  return conditions
}

const deviceOf = (id: string | undefined) =>
  sql`(select c.device_id from ${sql.table(COMMAND_TABLE)} as c where c.command_id = ${id})`

/** The commands of devices in a scope; of a type that has none there is none. */
function visibleSql(
  dialect: SqlDialect,
  within: readonly DevicesOfType[],
  deviceId: RawBuilder<unknown> | undefined,
): RawBuilder<unknown> {
  const ofTypes = within.map(({ type, condition }) => {
    const rows = withinSql(dialect, {
      type,
      within: condition,
      deviceId,
      writtenAt: sql`t.created_at`,
    })
    return sql`(${and([sql`t.type_key = ${type.key}`, ...rows])})`
  })
  return sql`(${sql.join(ofTypes, sql` or `)})`
}

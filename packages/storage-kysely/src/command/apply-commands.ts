import { type CommandOutcome, type CommitEntry, isFinal } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { databaseNow } from '../connection/database-clock.js'
import { numberSql } from '../connection/number-sql.js'
import { columnValue, forUpdate, selectList, timeValue } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { COMMAND_TABLE } from '../schema/tables.js'
import { commandColumns, commandRow } from './command-rows.js'
import { foldCommands, type OpenCommand, openCommand } from './fold-commands.js'

/** Commands in one statement: each row searches its CASE from the start. */
const ROWS_MAX = 100

interface LockedCommand extends OpenCommand {
  readonly rowId: number
}

/** Applies the command changes of a batch to their rows, in order and under a lock. Returns outcomes by entry. */
export async function applyCommands(
  transaction: Transaction,
  entries: readonly CommitEntry[],
): Promise<Map<number, CommandOutcome>> {
  const ids = entries.flatMap(({ command }) => (command ? [command.id] : []))
  if (ids.length === 0) return new Map()
  const open = await lock(transaction, [...new Set(ids)])
  const outcomes = foldCommands(entries, open)
  const changed = [...open.values()].filter((one) => one.changed)
  for (let at = 0; at < changed.length; at += ROWS_MAX)
    await update(transaction, changed.slice(at, at + ROWS_MAX))
  return outcomes
}

async function lock(transaction: Transaction, ids: readonly string[]): Promise<Map<string, LockedCommand>> {
  const { dialect } = transaction
  const open = new Map<string, LockedCommand>()
  const { rows } = await transaction.run(
    sql`select ${selectList(dialect, commandColumns(dialect))} from ${sql.table(COMMAND_TABLE)} as t
      where t.command_id in (${sql.join(ids)}) order by t.id ${forUpdate(dialect)}`,
  )
  for (const one of rows) {
    const { id, record } = commandRow(readRow(one))
    open.set(record.id, { ...openCommand(record), rowId: id })
  }
  return open
}

/** One row of values a command, so that the text of the statement is the same for each batch of that size. */
async function update(transaction: Transaction, commands: readonly LockedCommand[]): Promise<void> {
  const { dialect } = transaction
  if (dialect === 'mysql') return updateByCase(transaction, commands)
  const as = (value: string, type: string) =>
    dialect === 'postgres' ? sql`v.${sql.ref(value)}::${sql.ref(type)}` : sql`v.${sql.ref(value)}`
  const time = (value: string) =>
    dialect === 'postgres' ? sql`to_timestamp(${as(value, 'float8')} / 1000)` : as(value, 'float8')
  const rows = commands.map(
    ({
      rowId,
      progress,
      dueIn,
    }) => sql`(${rowId}, ${progress.state}, ${progress.attempts}, ${progress.sentAt},
      ${progress.acceptedAt}, ${progress.finishedAt}, ${progress.result}, ${progress.reason},
      ${dueIn === undefined ? null : Math.round(dueIn)})`,
  )
  const due = as('column9', 'int8')
  await transaction.run(
    sql`update ${sql.table(COMMAND_TABLE)} as t set state = v.column2, attempts = ${as('column3', 'int8')},
      sent_at = ${time('column4')}, accepted_at = ${time('column5')}, finished_at = ${time('column6')},
      result = ${as('column7', 'text')}, reason = ${as('column8', 'text')},
      claim = case when v.column6 is null and v.column9 is null then t.claim end,
      next_at = case when v.column6 is not null then null when v.column9 is null then t.next_at
        else ${databaseNow(dialect)} + ${due} end
      from (values ${sql.join(rows)}) as v where t.id = ${as('column1', 'int8')}`,
  )
}

/** MySQL has no such UPDATE. */
async function updateByCase(transaction: Transaction, commands: readonly LockedCommand[]): Promise<void> {
  const { dialect } = transaction
  const chosen = (column: string, value: (command: LockedCommand) => RawBuilder<unknown>) =>
    // The other branch gives parameters and nulls the column's type.
    sql`${sql.ref(column)} = case id ${sql.join(
      commands.map((one) => sql`when ${numberSql(one.rowId)} then ${value(one)}`),
      sql` `,
    )} else ${sql.ref(column)} end`
  const time = (at: number | null) => (at === null ? sql`null` : timeValue(dialect, at))
  const text = (value: string | null) => columnValue(dialect, 'text', value)
  await transaction.run(
    sql`update ${sql.table(COMMAND_TABLE)} set ${sql.join([
      chosen('state', ({ progress }) => text(progress.state)),
      chosen('attempts', ({ progress }) => numberSql(progress.attempts)),
      chosen('sent_at', ({ progress }) => time(progress.sentAt)),
      chosen('accepted_at', ({ progress }) => time(progress.acceptedAt)),
      chosen('finished_at', ({ progress }) => time(progress.finishedAt)),
      chosen('result', ({ progress }) => text(progress.result)),
      chosen('reason', ({ progress }) => text(progress.reason)),
      chosen('claim', (one) => (isDone(one) ? sql`null` : sql`claim`)),
      chosen('next_at', (one) => nextAt(dialect, one)),
    ])} where id in (${sql.join(commands.map(({ rowId }) => numberSql(rowId)))})`,
  )
}

const isDone = ({ progress, dueIn }: OpenCommand) => isFinal(progress.state) || dueIn !== undefined

function nextAt(dialect: SqlDialect, { progress, dueIn }: OpenCommand): RawBuilder<unknown> {
  if (isFinal(progress.state)) return sql`null`
  return dueIn === undefined ? sql`next_at` : sql`${databaseNow(dialect)} + ${numberSql(Math.round(dueIn))}`
}

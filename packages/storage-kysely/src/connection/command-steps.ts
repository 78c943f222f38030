import type { CommandStep } from '../command/recent-commands.js'
import { buildInsert, type Insert } from '../commit/columns.js'
import type { ColumnSource } from '../rows/column-source.js'
import { COMMAND_TABLE } from '../schema/tables.js'
import { databaseNowSql } from './database-clock.js'

/** How the steps of a commit travel. */
const STEP_COLUMNS: readonly ColumnSource<CommandStep>[] = [
  { name: 'command_id', kind: 'text', get: ({ id }) => id },
  { name: 'from_state', kind: 'text', get: ({ from }) => from.state },
  { name: 'from_attempts', kind: 'integer', get: ({ from }) => from.attempts },
  { name: 'state', kind: 'text', get: ({ to }) => to.state },
  { name: 'attempts', kind: 'integer', get: ({ to }) => to.attempts },
  { name: 'sent_at', kind: 'time', get: ({ to }) => to.sentAt },
  { name: 'accepted_at', kind: 'time', get: ({ to }) => to.acceptedAt },
  { name: 'finished_at', kind: 'time', get: ({ to }) => to.finishedAt },
  { name: 'result', kind: 'json', get: ({ to }) => to.result },
  { name: 'reason', kind: 'text', get: ({ to }) => to.reason },
  { name: 'due_in', kind: 'integer', get: ({ dueIn }) => (dueIn === null ? null : Math.round(dueIn)) },
]

export const stepRows = (steps: readonly CommandStep[]): Insert =>
  buildInsert(COMMAND_TABLE, STEP_COLUMNS, steps)

const SQLITE_STEP = `update "${COMMAND_TABLE}" set state = ?, attempts = ?, sent_at = ?, accepted_at = ?, finished_at = ?,
  result = ?, reason = ?, claim = case when ? then null else claim end,
  next_at = case when ? then null when ? is null then next_at else ${databaseNowSql('sqlite')} + ? end
  where command_id = ? and state = ? and attempts = ?`

/** For the worker: one statement, and the parameters of each step. */
export const stepMessage = (steps: readonly CommandStep[]) => ({
  sql: SQLITE_STEP,
  rows: steps.map(toParameters),
})

function toParameters({ id, from, to, dueIn }: CommandStep): readonly (string | number | null)[] {
  const ends = to.finishedAt !== null
  const due = dueIn === null ? null : Math.round(dueIn)
  return [
    to.state,
    to.attempts,
    to.sentAt,
    to.acceptedAt,
    to.finishedAt,
    to.result,
    to.reason,
    Number(ends || due !== null),
    Number(ends),
    due,
    due,
    id,
    from.state,
    from.attempts,
  ]
}

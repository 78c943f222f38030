import type { LeaseFence } from '@devicehub/core/storage'
import { CompiledQuery } from 'kysely'
import type { CommandStep } from '../command/recent-commands.js'
import type { DriverRow } from '../rows/row-reader.js'
import { COMMAND_TABLE } from '../schema/tables.js'
import { stepRows } from './command-steps.js'
import type { Writes } from './connection.js'
import { databaseNowSql } from './database-clock.js'
import {
  fenceLocks,
  idColumns,
  type Parameter,
  parameterOf,
  rowsSql,
  statementsOf,
} from './postgres-write.js'

/**
 * A commit with steps of commands as one statement, which is its transaction. The commands are locked in order of their
 * creation, as everywhere; unless each is where its step begins, and all fences hold, nothing is written.
 */
export function postgresSettle(
  writes: Writes,
  steps: readonly CommandStep[],
  fences: readonly LeaseFence[],
): CompiledQuery {
  const parameters: unknown[] = []
  const parameter = parameterOf(parameters)
  const locks = fences.length > 0 ? fenceLocks(fences, parameter) : []
  const isFenced = fences.length > 0 ? ' and (select ok from g)' : ''
  const common = [
    ...locks,
    ...stepSql(steps, parameter, isFenced),
    ...statementsOf(writes, parameters, '(select ok from h)').map(
      (statement, index) => `w${index} as (${statement})`,
    ),
  ]
  const results = ['(select ok from h) as ok', ...idColumns(writes)].join(', ')
  const last =
    fences.length > 0 ? `select f."name" as c0, f."epoch" as c1, ${results} from f` : `select ${results}`
  return CompiledQuery.raw(`with ${common.join(', ')} ${last}`, parameters)
}

/** Whether the steps were taken, of the rows of such a statement. */
export const wereTaken = ([row]: readonly DriverRow[]): boolean => row?.ok === true

/** Values that each step lacks have no column: these are their nulls. */
const NULLS: Readonly<Record<string, string>> = {
  sent_at: 'null::timestamptz',
  accepted_at: 'null::timestamptz',
  finished_at: 'null::timestamptz',
  result: 'null::text',
  reason: 'null::text',
  due_in: 'null::int8',
}

/** `h`: whether each command is where its step begins; then it takes it. */
function stepSql(steps: readonly CommandStep[], parameter: Parameter, isFenced: string): readonly string[] {
  const { names, values, source } = rowsSql(stepRows(steps), parameter)
  const sent = names.map((name, index) => `${values[index]} as ${name}`)
  const missing = Object.entries(NULLS).flatMap(([name, value]) =>
    names.includes(`"${name}"`) ? [] : [`${value} as "${name}"`],
  )
  return [
    // Materialized: a constant state would have the planner search the index of the waiting commands for it.
    `s as materialized (select ${[...sent, ...missing].join(', ')}${source})`,
    `c as materialized (select t."id", s.* from s join "${COMMAND_TABLE}" as t on t."command_id" = s."command_id"
      where t."state" = s."from_state" and t."attempts" = s."from_attempts"${isFenced} order by t."id" for no key update of t)`,
    `h as materialized (select count(*) = ${steps.length} as ok from c)`,
    `u as (update "${COMMAND_TABLE}" as t set "state" = c."state", "attempts" = c."attempts", "sent_at" = c."sent_at",
      "accepted_at" = c."accepted_at", "finished_at" = c."finished_at", "result" = c."result", "reason" = c."reason",
      "claim" = case when c."finished_at" is null and c."due_in" is null then t."claim" end,
      "next_at" = case when c."finished_at" is not null then null when c."due_in" is null then t."next_at"
        else ${databaseNowSql('postgres')} + c."due_in" end
      from c where t."id" = c."id" and (select ok from h))`,
  ]
}

import type { Insert } from '../commit/columns.js'
import { quoteName } from '../schema/ddl.js'
import type { SqlDialect } from '../schema/logical-type.js'

/** What follows the rows of an INSERT; empty for a plain one. */
export function upsertSql(dialect: SqlDialect, { table, columns, upsert }: Insert): string {
  if (upsert === undefined) return ''
  const q = (name: string) => quoteName(dialect, name)
  const present = new Set(columns.map(({ name }) => name))
  const before = (name: string) => `${q(table)}.${q(name)}`
  const given = (name: string) => (dialect === 'mysql' ? `values(${q(name)})` : `excluded.${q(name)}`)
  const { limit = Number.POSITIVE_INFINITY } = upsert
  const isOlder = (time: string) => `${given(time)} < ${before(time)}`
  const isKept = (time: string) =>
    Number.isFinite(limit)
      ? `${isOlder(time)} and ${before(time)} <= ${timeLiteral(dialect, limit)}`
      : isOlder(time)
  const assignments = upsert.groups.flatMap(({ time, columns: names }) => {
    if (!present.has(time)) return []
    // MySQL assigns from left to right, and sees what it has assigned: the time comes last.
    return [...names, time].map(
      (name) =>
        `${q(name)} = case when ${given(time)} is null or ${isKept(time)} then ${before(name)} else ${given(name)} end`,
    )
  })
  return dialect === 'mysql'
    ? ` on duplicate key update ${assignments.join(', ')}`
    : ` on conflict (${q(upsert.key)}) do update set ${assignments.join(', ')}`
}

/** A whole number of milliseconds, that the hub made: no text of a caller is in it. */
const timeLiteral = (dialect: SqlDialect, time: number): string =>
  dialect === 'postgres' ? `to_timestamp(${Math.trunc(time)}::float8 / 1000)` : String(Math.trunc(time))

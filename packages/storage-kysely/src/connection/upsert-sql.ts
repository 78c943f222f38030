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
  const assignments = upsert.groups.flatMap(({ time, columns: names }) => {
    if (!present.has(time)) return []
    // MySQL assigns from left to right, and sees what it has assigned: the time comes last.
    return [...names, time].map(
      (name) =>
        `${q(name)} = case when ${given(time)} is null or ${given(time)} < ${before(time)} then ${before(name)} else ${given(name)} end`,
    )
  })
  return dialect === 'mysql'
    ? ` on duplicate key update ${assignments.join(', ')}`
    : ` on conflict (${q(upsert.key)}) do update set ${assignments.join(', ')}`
}

import { CompiledQuery, type Kysely } from 'kysely'
import type { Dialect } from './load.js'

const BIG = /station_reading|station_message|station_device|devicehub_label/

const TABLE_AS = /"(?:station_\w+|devicehub_label)" as (\w+)/g

/** Lines of the plan of a statement that go through a big table from its beginning to its end, or through samples by their time alone. */
export async function wideScansOf(
  db: Kysely<unknown>,
  dialect: Dialect,
  { sql, parameters }: Pick<CompiledQuery, 'sql' | 'parameters'>,
): Promise<string[]> {
  const explain = dialect === 'sqlite' ? 'explain query plan' : 'explain'
  const { rows } = await db.executeQuery<Record<string, unknown>>(
    CompiledQuery.raw(`${explain} ${sql}`, [...parameters]),
  )
  const lines = rows.map((row) => String(row.detail ?? row['QUERY PLAN']))
  if (dialect === 'postgres') return lines.filter((line) => /Seq Scan on/.test(line) && BIG.test(line))
  // PostgreSQL knows by its statistics how many samples a time has.
  const byTime = lines.filter((line) => line.includes('station_reading_by_time'))
  // In the order of an index up to the limit is no scan of the table.
  const scanned = lines.filter((line) => /^SCAN /.test(line) && !line.includes('USING'))
  const aliases = new Set([...sql.matchAll(TABLE_AS)].map(([, alias]) => alias))
  return [...byTime, ...scanned.filter((line) => aliases.has(line.split(' ')[1]))]
}

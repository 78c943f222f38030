import { type RawBuilder, sql } from 'kysely'
import { numberSql } from '../connection/number-sql.js'
import { asStored } from '../connection/sql-fragments.js'
import type { SqlDialect } from '../schema/logical-type.js'

/** Buckets of one length, one behind the other. */
interface Run {
  readonly start: number
  readonly end: number
  readonly step: number
  /** Of its first bucket. */
  readonly bucket: number
}

/** A part of the edges that one statement computes. */
export interface EdgePart {
  readonly from: number
  readonly to: number
  readonly runs: readonly Run[]
}

/** Runs in one statement: their comparisons are made for each row. */
const RUNS_MAX = 64

/** The edges in parts, one for most: a day of a time zone has its usual length but for two a year. */
export function edgeParts(edges: readonly number[]): EdgePart[] {
  const runs = runsOf(edges)
  const parts: EdgePart[] = []
  for (let at = 0; at < runs.length; at += RUNS_MAX) {
    const some = runs.slice(at, at + RUNS_MAX)
    parts.push({ from: (some[0] as Run).start, to: (some.at(-1) as Run).end, runs: some })
  }
  return parts
}

function runsOf(edges: readonly number[]): Run[] {
  const runs: Run[] = []
  for (let bucket = 0; bucket + 1 < edges.length; bucket++) {
    const [start, end] = [edges[bucket], edges[bucket + 1]] as [number, number]
    const last = runs.at(-1)
    if (last?.step === end - start) runs[runs.length - 1] = { ...last, end }
    else runs.push({ start, end, step: end - start, bucket })
  }
  return runs
}

/** The number of the bucket that holds `t.timestamp`, which is within the part. */
export function bucketNumber(dialect: SqlDialect, { runs }: EdgePart): RawBuilder<unknown> {
  const place = (run: Run) => placeIn(dialect, run)
  const [first, ...others] = runs
  if (first === undefined) return sql`0`
  if (others.length === 0) return place(first)
  const last = others.at(-1) as Run
  const cases = runs
    .slice(0, -1)
    .map((run) => sql`when t.timestamp < ${timeLiteral(dialect, run.end)} then ${place(run)}`)
  return sql`case ${sql.join(cases, sql` `)} else ${place(last)} end`
}

/** Division of whole numbers, of what is not negative. */
function placeIn(dialect: SqlDialect, { start, end, step, bucket }: Run): RawBuilder<unknown> {
  if (end - start === step) return numberSql(bucket)
  const divide = dialect === 'mysql' ? sql`div` : sql`/`
  const time = asStored(dialect, 'time', sql`t.timestamp`)
  return sql`(${numberSql(bucket)} + (${time} - ${numberSql(start)}) ${divide} ${numberSql(step)})`
}

/** As part of the text: an expression to group by takes no parameters. */
export const timeLiteral = (dialect: SqlDialect, time: number): RawBuilder<unknown> =>
  dialect === 'postgres' ? sql`to_timestamp(${numberSql(time)}::float8 / 1000)` : numberSql(time)

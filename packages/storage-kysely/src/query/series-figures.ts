import { averageOfParts, LATEST_BYTES, type StoredValue, sumOfParts } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { directionSql } from '../connection/direction-sql.js'
import { numberSql } from '../connection/number-sql.js'
import { asStored } from '../connection/sql-fragments.js'
import { columnAlias, type RowReader } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import type { BucketedSamples, Placed } from './series-samples.js'
import { sumPartsSql } from './sum-parts.js'

type ReadFigure = (row: RowReader) => StoredValue

/** What is computed of the samples of a group and bucket. */
export interface FigureColumns {
  /** Of the samples `t`, for the expressions. */
  readonly columns: readonly RawBuilder<unknown>[]
  /** From `c2` on. */
  readonly expressions: readonly RawBuilder<unknown>[]
  /** One a figure. */
  readonly readers: readonly ReadFigure[]
}

const SHARES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

export function figureColumns(dialect: SqlDialect, figures: readonly Placed[]): FigureColumns {
  const fields = [...new Set(figures.map(({ field }) => field))]
  const expressions: RawBuilder<unknown>[] = []
  // A sum and an average share their parts.
  const known = new Map<string, number>()
  const select = (key: string, parts: readonly RawBuilder<unknown>[]): number => {
    const place = known.get(key) ?? 2 + expressions.length
    if (!known.has(key))
      for (const part of parts)
        expressions.push(sql`${part} as ${sql.ref(columnAlias(2 + expressions.length))}`)
    known.set(key, place)
    return place
  }
  const readers = figures.map(({ field, fn, kind }): ReadFigure => {
    const column = sql.ref(`x.f${fields.indexOf(field)}`)
    switch (fn) {
      case 'count': {
        const place = select(`count ${field}`, [sql`count(${column})`])
        return (row) => row.number(place)
      }
      case 'min':
      case 'max': {
        const edge = fn === 'min' ? sql`min(${column})` : sql`max(${column})`
        const place = select(`${fn} ${field}`, [asStored(dialect, kind, edge)])
        return (row) => row.value(place, kind)
      }
      case 'sum':
      case 'avg': {
        const place = select(`sum ${field}`, sumPartsSql(dialect, kind, column))
        const result = fn === 'sum' ? sumOfParts : averageOfParts
        return (row) =>
          result({
            count: row.number(place) ?? 0,
            ordinary: row.number(place + 1) ?? 0,
            large: row.number(place + 2) ?? 0,
          })
      }
      default: {
        // PostgreSQL only.
        const share = numberSql(SHARES[fn as keyof typeof SHARES])
        const place = select(`${fn} ${field}`, [
          sql`percentile_cont(${share}) within group (order by ${column}::float8)`,
        ])
        return (row) => {
          const value = row.number(place)
          return Number.isFinite(value) ? value : null
        }
      }
    }
  })
  return {
    columns: fields.map((field, index) => sql`${sql.ref(`t.${field}`)} as ${sql.ref(`f${index}`)}`),
    expressions,
    readers,
  }
}

/** The first or last value of each group and bucket by measured time: `c0`, `c1`, `c2`, and its bytes if it may be long. */
export function edgeStatement(
  dialect: SqlDialect,
  samples: BucketedSamples,
  { field, fn, kind, isLong }: Placed,
): RawBuilder<unknown> {
  const column = sql.ref(`t.${field}`)
  const direction = directionSql(fn === 'first' ? 'asc' : 'desc')
  const columns = [sql`t.timestamp as at`, sql`t.id as id`, sql`${column} as v`]
  const placed = sql`select x.g as c0, x.b as c1, ${asStored(dialect, kind, sql`x.v`)} as c2,
    row_number() over (partition by x.g, x.b order by x.at ${direction}, x.id ${direction}) as place
    from ${samples.from(columns, sql`${column} is not null`)}`
  const edges = sql`select e.c0, e.c1, e.c2 from (${placed}) as e where e.place = 1`
  if (!isLong) return edges
  const bytes = sql`octet_length(f.c2)`
  return sql`select f.c0, f.c1, case when sum(${bytes}) over () <= ${numberSql(LATEST_BYTES)} then f.c2 end as c2,
    ${bytes} as c3 from (${edges}) as f`
}

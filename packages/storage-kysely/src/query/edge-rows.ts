import { type RawBuilder, sql } from 'kysely'

/**
 * The first or last row: among those ordered by their timestamp, and among those that are not. Each is one step in an
 * index, but MySQL has no index of the latter.
 */
export function edgeRows(
  selection: RawBuilder<unknown>,
  table: RawBuilder<unknown>,
  where: RawBuilder<unknown>,
  direction: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const edge = (place: RawBuilder<unknown>, kind: RawBuilder<unknown>) =>
    sql`select * from (select ${selection}, ${place} as place, t.id as id from ${table}
      where ${where} and ${kind} order by ${place} ${direction}, t.id ${direction} limit 1) as o`
  return sql`${edge(sql`t.timestamp`, sql`t.order_at is null`)} union all ${edge(sql`t.order_at`, sql`t.order_at is not null`)}`
}

import { type RawBuilder, sql } from 'kysely'

/**
 * The row at one end of the order, of those that are in the order of their timestamps and of those that are not: each a
 * step in an index (but on MySQL, which has none of the latter).
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

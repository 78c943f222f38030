import { type RawBuilder, sql } from 'kysely'
import type { ColumnSource, ValueKind } from '../rows/column-source.js'
import { columnAlias } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'

/** A column of the table `t`, or what is computed of its columns. */
export type Selected = Pick<ColumnSource<never>, 'name' | 'kind' | 'wide'> & {
  readonly computed?: RawBuilder<unknown>
}

/** Each by its alias; times as epoch milliseconds in every dialect. */
export const selectList = (dialect: SqlDialect, columns: readonly Selected[]): RawBuilder<unknown> =>
  sql.join(
    columns.map((column, index) => sql`${selectedValue(dialect, column)} as ${sql.ref(columnAlias(index))}`),
  )

export const selectedValue = (dialect: SqlDialect, { name, kind, computed }: Selected): RawBuilder<unknown> =>
  computed ?? asStored(dialect, kind, sql.ref(`t.${name}`))

/** A time as epoch milliseconds; the rest as it is. */
export const asStored = (dialect: SqlDialect, kind: ValueKind, expression: RawBuilder<unknown>) =>
  dialect === 'postgres' && kind === 'time'
    ? sql`(date_part('epoch', ${expression}) * 1000)::bigint`
    : expression

/** Epoch milliseconds as a time. */
export const timeValue = (dialect: SqlDialect, time: number): RawBuilder<unknown> =>
  dialect === 'postgres' ? sql`to_timestamp(${time}::float8 / 1000)` : sql`${time}`

/** A value as its column takes it. */
export function columnValue(dialect: SqlDialect, kind: ValueKind, value: unknown): RawBuilder<unknown> {
  if (value === null || value === undefined) return sql`null`
  if (kind === 'time') return timeValue(dialect, Number(value))
  if (kind === 'boolean' && dialect !== 'postgres') return sql`${value ? 1 : 0}`
  return sql`${bytesForDriver(value)}`
}

/** Drivers know a Buffer, not always a Uint8Array. */
export const bytesForDriver = (value: unknown): unknown =>
  value instanceof Uint8Array && !Buffer.isBuffer(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : value

/** Locks the selected rows against other writers. SQLite has only one writer. */
export const forUpdate = (dialect: SqlDialect): RawBuilder<unknown> =>
  dialect === 'sqlite' ? sql`` : sql`for update`

/** Like it, for updates that leave keys unchanged: PostgreSQL then still admits rows that reference these. */
export const forNoKeyUpdate = (dialect: SqlDialect): RawBuilder<unknown> =>
  dialect === 'postgres' ? sql`for no key update` : forUpdate(dialect)

/** Locks the selected rows against changes, and still admits other readers with this lock. */
export const forShare = (dialect: SqlDialect): RawBuilder<unknown> =>
  dialect === 'sqlite' ? sql`` : dialect === 'mysql' ? sql`lock in share mode` : sql`for share`

/** `row` is the list of columns and their values. Does nothing where one of the same key is there. */
export const insertIfAbsent = (
  dialect: SqlDialect,
  table: string,
  row: RawBuilder<unknown>,
): RawBuilder<unknown> =>
  dialect === 'mysql'
    ? sql`insert ignore into ${sql.table(table)} ${row}`
    : sql`insert into ${sql.table(table)} ${row} on conflict do nothing`

export const and = (conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  conditions.length === 0 ? sql`1 = 1` : sql.join(conditions, sql` and `)

import type { Field } from '@devicehub/core/definition'
import type { LogicalType } from './logical-type.js'
import type { TimescaleOptions } from './schema-options.js'

export interface ColumnModel {
  readonly name: string
  readonly type: LogicalType
  readonly nullable: boolean
  /** A value, not SQL; JSON as text. `{ sql }` where the database computes it. */
  readonly default?: string | number | boolean | Date | Uint8Array | { readonly sql: string }
  /** The latest first. */
  readonly formerNames?: readonly string[]
  /** Statements for the rows there are, once the column was added to a table. */
  readonly fill?: readonly string[]
  /** The reading or state field the column is for; absent for the table's own columns. */
  readonly field?: Field
}

export interface IndexModel {
  readonly name: string
  readonly columns: readonly string[]
  readonly unique: boolean
  /** Partial, in SQL; absent on MySQL, which has no partial indexes. */
  readonly where?: string
}

/** What a table holds is in the rows of another one too. */
export interface TableFill {
  readonly from: string
  /** Run when the table is created beside that one, which was there before; with the name of the table. */
  readonly sql: (target: string) => string
  /** For a column that is new to the table, or has lost its values, while the other one has them. */
  readonly columnSql: (column: string) => readonly string[]
}

export interface TableModel {
  readonly name: string
  readonly columns: readonly ColumnModel[]
  readonly primaryKey: readonly string[]
  readonly indexes: readonly IndexModel[]
  /** The column that the database numbers; null for a table with a key of its own. */
  readonly identity: 'id' | null
  /**
   * The numbers of deleted rows are never given again. The log's cursors rest on it: SQLite would start anew once
   * retention has emptied a table, and readers would skip the new rows.
   */
  readonly neverReuseIds: boolean
  /** A TimescaleDB hypertable on `timestamp`. */
  readonly hypertable?: TimescaleOptions
  /** SQLite keeps the rows in the order of the key, and no index beside them. */
  readonly clustered?: boolean
  /** PostgreSQL: percent of a page that inserts fill. */
  readonly fillFactor?: number
  readonly fill?: TableFill
  /** It is not to be there, for this reason: dropped if it was made here. */
  readonly withdrawn?: string
  /** The id of a row that must exist. */
  readonly seed?: number
}

export const varchar = (length: number): LogicalType => ({ kind: 'varchar', length })
export const column = (
  name: string,
  type: LogicalType | Exclude<LogicalType['kind'], 'varchar'>,
): ColumnModel => ({
  name,
  type: typeof type === 'string' ? { kind: type } : type,
  nullable: false,
})
export const optional = (...args: Parameters<typeof column>): ColumnModel => ({
  ...column(...args),
  nullable: true,
})

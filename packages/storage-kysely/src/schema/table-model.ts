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
  /** Statements that fill existing rows after the column was added. */
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

/** Values that another table contains too. */
export interface TableFill {
  readonly from: string
  /** Fills the table when it is created after that other one. `target`: its name. */
  readonly sql: (target: string) => string
  /** Fills a column that is new or was emptied, when the other table has its values. */
  readonly columnSql: (column: string) => readonly string[]
}

export interface TableModel {
  readonly name: string
  readonly columns: readonly ColumnModel[]
  readonly primaryKey: readonly string[]
  readonly indexes: readonly IndexModel[]
  /** The auto-increment column; null for a table with another key. */
  readonly identity: 'id' | null
  /**
   * Ids of deleted rows are never reused. Cursors of the log rely on it: SQLite would restart its numbering in an
   * emptied table, and readers would skip the new rows.
   */
  readonly neverReuseIds: boolean
  /** A TimescaleDB hypertable on `timestamp`. */
  readonly hypertable?: TimescaleOptions
  /** SQLite keeps the rows in the order of the key, and no index beside them. */
  readonly clustered?: boolean
  /** PostgreSQL: percent of a page that inserts fill. */
  readonly fillFactor?: number
  readonly fill?: TableFill
  /** Why the table is no longer wanted: it is dropped if the hub made it. */
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

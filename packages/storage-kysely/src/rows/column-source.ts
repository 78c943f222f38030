import type { Field } from '@devicehub/core/definition'
import type { StoredValue } from '@devicehub/core/transport'
import type { LogicalType } from '../schema/logical-type.js'

/** What a column's values are on this side of the driver: booleans, epoch milliseconds, safe integers. */
export type ValueKind = 'text' | 'json' | 'float' | 'integer' | 'boolean' | 'time' | 'bytes'

/** A column and where its value comes from. */
export interface ColumnSource<Row> {
  readonly name: string
  readonly kind: ValueKind
  /** Its values may be long: lists read them within a budget, see `boundedRows`. */
  readonly wide?: boolean
  /** One of a few values: where a batch has the same in each row, it may be written into the statement itself. */
  readonly few?: boolean
  /** What the database fills in: a batch of which each row has it is written without the column. Default null. */
  readonly fallback?: StoredValue
  readonly get: (row: Row) => StoredValue
  /**
   * Mostly it has what the column `as` has, null where the column `unlessNull` is null: then it is not sent a second time.
   * Both come before it.
   */
  readonly mostly?: SameAs
}

export interface SameAs {
  readonly as: string
  readonly unlessNull?: string
}

export function valueKind(type: LogicalType): ValueKind {
  switch (type.kind) {
    case 'double':
      return 'float'
    case 'id':
    case 'bigint':
    case 'smallint':
    case 'xid8':
      return 'integer'
    case 'varchar':
      return 'text'
    default:
      return type.kind
  }
}

/** Texts up to this many characters are short. */
const SHORT = 255

/** Whether values of a field may be long. */
export const isWide = ({ kind, maxLength }: Field): boolean =>
  kind === 'json' || kind === 'binary' || (kind === 'string' && (maxLength ?? SHORT) > SHORT)

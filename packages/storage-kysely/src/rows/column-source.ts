import type { Field } from '@devicehub/core/definition'
import type { StoredValue } from '@devicehub/core/transport'
import type { LogicalType } from '../schema/logical-type.js'

/** The kinds of values in this process: booleans, epoch milliseconds, safe integers. */
export type ValueKind = 'text' | 'json' | 'float' | 'integer' | 'boolean' | 'time' | 'bytes'

/** A column and where its value comes from. */
export interface ColumnSource<Row> {
  readonly name: string
  readonly kind: ValueKind
  /** Whether its values may be long: lists then read them within a budget, see `boundedRows`. */
  readonly wide?: boolean
  /**
   * Whether it has few different values: a value that is the same in the whole batch is then written into the
   * statement text.
   */
  readonly few?: boolean
  /** The database default: when every row has it, the column is left out. Default null. */
  readonly fallback?: StoredValue
  readonly get: (row: Row) => StoredValue
  /**
   * It usually equals the column `as`, and is null where the column `unlessNull` is null: then it is not sent a
   * second time. Both columns come before it.
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

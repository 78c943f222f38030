import { type LogicalType, type SqlDialect, sqlType } from './logical-type.js'

/**
 * What happens to the values of a column when its type changes:
 * - none: the column holds the new values as it is
 * - widen: every value fits the new type
 * - shorten: longer texts are truncated
 * - round: fractions are lost
 * - replace: old values have no meaning under the new type and are removed
 */
export type TypeChange = 'none' | 'widen' | 'shorten' | 'round' | 'replace'

export interface HeldType {
  /** The database's type, as `sqlType` would write it. */
  readonly type: string
  /** The kind the column was made for, when that was recorded. */
  readonly kind: string | null
}

/** From what a column holds to what is declared. */
export function typeChange(dialect: SqlDialect, from: HeldType, to: LogicalType): TypeChange {
  const byType = sqlTypeChange(dialect, from.type, to)
  if (from.kind === null || from.kind === to.kind || !holdsKind(dialect, from.type, from.kind)) return byType
  // The column types do not distinguish a date from an integer, or JSON from a string; the recorded kind does.
  switch (`${from.kind} ${to.kind}`) {
    case 'bigint double':
    case 'smallint double':
    case 'smallint bigint':
    case 'varchar text':
    case 'text varchar':
      return byType
    case 'double bigint':
      return 'round'
    default:
      return 'replace'
  }
}

/** Whether the recorded kind fits the column. False when someone changed the column by hand. */
function holdsKind(dialect: SqlDialect, type: string, kind: string): boolean {
  if (kind === 'varchar') return isText(parse(type).base)
  return sqlTypeChange(dialect, type, { kind } as LogicalType) === 'none'
}

function sqlTypeChange(dialect: SqlDialect, from: string, to: LogicalType): TypeChange {
  const held = parse(from)
  const wanted = parse(sqlType(dialect, to))
  if (dialect === 'sqlite') return affinityChange(affinity(held.base), affinity(wanted.base))
  if (held.base === wanted.base && held.length === wanted.length) return 'none'
  if (isText(held.base) && isText(wanted.base)) return held.length < wanted.length ? 'widen' : 'shorten'
  if (isInteger(held.base) && isInteger(wanted.base)) return wanted.base === 'bigint' ? 'widen' : 'round'
  if (isInteger(held.base) && isFloat(wanted.base)) return 'widen'
  if (isFloat(held.base) && isFloat(wanted.base)) return 'widen'
  if (isFloat(held.base) && isInteger(wanted.base)) return 'round'
  return 'replace'
}

interface ParsedType {
  readonly base: string
  /** Characters; infinite where the type has no bound. */
  readonly length: number
}

function parse(type: string): ParsedType {
  const match = /^(varchar|char)\((\d+)\)$/.exec(type)
  return match?.[1] && match[2]
    ? { base: match[1], length: Number(match[2]) }
    : { base: type, length: Number.POSITIVE_INFINITY }
}

const isText = (base: string) => /^(varchar|char|text|longtext|mediumtext)/.test(base)
const isInteger = (base: string) => /^(smallint|integer|int|bigint)$/.test(base)
const isFloat = (base: string) => /^(double|double precision|real|float)$/.test(base)

type Affinity = 'integer' | 'real' | 'text' | 'blob' | 'numeric'

/** SQLite's own rules for a declared type (https://www.sqlite.org/datatype3.html, 3.1). */
function affinity(type: string): Affinity {
  if (type.includes('int')) return 'integer'
  if (/char|clob|text/.test(type)) return 'text'
  if (type.includes('blob') || type === '') return 'blob'
  return /real|floa|doub/.test(type) ? 'real' : 'numeric'
}

/** A column of SQLite holds any number, and text of any length: integer to real needs nothing. */
function affinityChange(from: Affinity, to: Affinity): TypeChange {
  if (from === to || (to === 'real' && (from === 'integer' || from === 'numeric'))) return 'none'
  return to === 'integer' && (from === 'real' || from === 'numeric') ? 'round' : 'replace'
}

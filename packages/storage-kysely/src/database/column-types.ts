import type { Field, FieldValue } from '@devicehub/core/definition'
import type { ColumnType, Generated } from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'

/** Every field's column admits null: the hub checks what must be there, and a field can be younger than the row. */
export type FieldColumns<Fields extends Readonly<Record<string, Field>>, D extends SqlDialect> = {
  -readonly [Name in keyof Fields]: FieldColumn<Fields[Name], D>
}

type FieldColumn<F extends Field, D extends SqlDialect> = {
  float: number | null
  integer: NullableInteger<D>
  boolean: Bool<D> | null
  string: string | null
  enum: Extract<FieldValue<F>, string> | null
  datetime: Time<D> | null
  /** JSON text. */
  json: string | null
  binary: Bytes | null
  /** JSON text of `{ lat, lon, alt? }`. */
  geo: string | null
}[F['kind']]

/** pg gives a bigint as a string: it need not fit a number. */
export type Integer<D extends SqlDialect> = D extends 'postgres' ? string : number

export type Count<D extends SqlDialect> = D extends 'postgres'
  ? ColumnType<string, string | number | bigint, string | number | bigint>
  : number

export type CountFrom0<D extends SqlDialect> = D extends 'postgres'
  ? ColumnType<string, string | number | bigint | undefined, string | number | bigint>
  : Generated<number>

export type NullableInteger<D extends SqlDialect> = D extends 'postgres'
  ? ColumnType<string | null, string | number | bigint | null | undefined, string | number | bigint | null>
  : number | null

export type Bool<D extends SqlDialect> = D extends 'postgres' ? boolean : number

/** Epoch milliseconds on SQLite and MySQL. */
export type Time<D extends SqlDialect> = D extends 'postgres' ? Date : number

export type Bytes = Buffer

/** So that a hover shows columns and not how they were put together. */
export type Flatten<T> = { [Key in keyof T]: T[Key] }

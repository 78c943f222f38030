import type { Field, ReadingKind } from './field.js'

/**
 * A field that remembers at type level what its values are. The properties whose names start with `~` never exist at
 * run time; they are named by text and not by a symbol because the ESM and the CommonJS types of this package may meet.
 */
export interface TypedField<
  Value,
  Nullable extends boolean,
  Role extends 'reading' | 'state',
  Kind extends ReadingKind = ReadingKind,
> extends Field {
  /** Known at type level because a database gives an integer or JSON back in other types than a float or a string. */
  readonly kind: Kind
  /** Whether the value may be missing. */
  readonly nullable: Nullable
  /** Never there at run time: the type of its values. */
  readonly '~value'?: Value
  /** Never there at run time: a reading or a state field. */
  readonly '~role'?: Role
}

/** Made by `reading.float()` and its siblings. */
export type ReadingField<
  Value = unknown,
  Nullable extends boolean = boolean,
  Kind extends ReadingKind = ReadingKind,
> = TypedField<Value, Nullable, 'reading', Kind>

/** Made by `state.float()` and its siblings. */
export type StateField<
  Value = unknown,
  Nullable extends boolean = boolean,
  Kind extends ReadingKind = ReadingKind,
> = TypedField<Value, Nullable, 'state', Kind>

export type ReadingFields = Readonly<Record<string, ReadingField>>
export type StateFields = Readonly<Record<string, StateField>>

/** The type of a field's values, null aside. */
export type FieldValue<F> = F extends { readonly '~value'?: infer Value }
  ? Exclude<Value, undefined>
  : unknown

/** The kinds of value a reading can have. */
export type ReadingKind =
  | 'float'
  | 'integer'
  | 'boolean'
  | 'string'
  | 'enum'
  | 'datetime'
  | 'json'
  | 'binary'
  | 'geo'

/** A place on earth (WGS 84). */
export interface GeoPoint {
  /** Degrees, -90 to 90. */
  readonly lat: number
  /** Degrees, -180 to 180. */
  readonly lon: number
  /** Metres. */
  readonly alt?: number | undefined
}

/** The part of a zod schema that checking needs. */
export interface FieldSchema {
  /** The value as the schema makes it, or what is wrong with it. */
  safeParse(value: unknown):
    | { readonly success: true; readonly data: unknown }
    | {
        readonly success: false
        readonly error: { readonly message: string; readonly issues: readonly unknown[] }
      }
}

/** What a reading or state field is, as data: the pipeline, the storage and the schemas all read this. */
export interface Field {
  /** What its values are. */
  readonly kind: ReadingKind
  /** As people write it, such as `°C`; null: none. */
  readonly unit: string | null
  /** Bounds of a number, inclusive; null is open. */
  readonly min: number | null
  /** Inclusive; null: no bound. */
  readonly max: number | null
  /** Decimal places kept of a float; null keeps all. */
  readonly precision: number | null
  /** For people; null: none. */
  readonly description: string | null
  /** Shown to people instead of the name. */
  readonly label: string | null
  /** False: a sample without it is rejected. Readings are nullable by default. */
  readonly nullable: boolean
  /** Characters of a string (255 by default), bytes of JSON as text (65,536 by default) and of a binary (no bound by default). */
  readonly maxLength: number | null
  /** The members of an enum. */
  readonly values: readonly string[] | null
  /** The only values of a number; absent: any. */
  readonly choices?: readonly number[] | undefined
  /** State fields only. */
  readonly default: unknown
  /** The latest former name: `plan()` renames that column instead of adding one. */
  readonly renamedFrom: string | null
  /** All former names, the latest first; absent when there are none. The wire takes them, and the first one of all stays in the identity of samples. */
  readonly formerNames?: readonly string[] | undefined
  /** What a json value must fit, besides being JSON. */
  readonly schema?: FieldSchema | undefined
}

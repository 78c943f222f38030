import type { z } from 'zod'

/** What every field can say of itself. */
export interface CommonFieldOptions<Nullable extends boolean = boolean> {
  /** For people and schemas. */
  readonly description?: string | undefined
  /** Shown to people instead of the name. */
  readonly label?: string | undefined
  /**
   * Whether the value may be missing. Default for a reading: true. With false a sample without it is rejected
   * (`missing_reading`). Default for a state field: true unless it has a `default`.
   */
  readonly nullable?: Nullable | undefined
  /**
   * The former name, or all former names, the latest first. `plan()` renames the column instead of adding one, devices
   * may go on sending a former name, and a sample that was stored under one is recognised when it is sent again.
   */
  readonly renamedFrom?: string | readonly string[] | undefined
}

/** Options of a number. */
export interface NumberOptions<Nullable extends boolean = boolean> extends CommonFieldOptions<Nullable> {
  /** As people write it: `°C`, `%`, `hPa`. */
  readonly unit?: string | undefined
  /** Inclusive; null leaves an end open. What happens to a value outside is the type's `outOfRange` policy. */
  readonly range?: readonly [min: number | null, max: number | null] | undefined
  /** The only values there are, each within the range; any other does not fit. For texts see `enum`. */
  readonly choices?: readonly number[] | undefined
}

/** Options of a float. */
export interface FloatOptions<Nullable extends boolean = boolean> extends NumberOptions<Nullable> {
  /** Decimal places kept, 0 to 15; default: all. */
  readonly precision?: number | undefined
}

/** Options of a string. */
export interface StringOptions<Nullable extends boolean = boolean> extends CommonFieldOptions<Nullable> {
  /** Characters (code points); default 255. */
  readonly maxLength?: number | undefined
}

/** Options of bytes. */
export interface BinaryOptions<Nullable extends boolean = boolean> extends CommonFieldOptions<Nullable> {
  /** Bytes; default: no bound but the hub's `maxPayload`. */
  readonly maxLength?: number | undefined
}

/** Options of a JSON value. */
export interface JsonOptions<Schema extends z.ZodType = z.ZodType, Nullable extends boolean = boolean>
  extends CommonFieldOptions<Nullable> {
  /** Checks the value and gives it its type; default: any JSON. Its output must be JSON again. */
  readonly schema?: Schema | undefined
  /** Bytes of the value as JSON text; default 65,536. */
  readonly maxLength?: number | undefined
}

/** A state field's value until a device or a person sets another; with it the field is not nullable by default. */
export interface DefaultOption<Value> {
  /** What the field is before the device reports it; it makes the field not nullable. */
  readonly default?: Value | undefined
}

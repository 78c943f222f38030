import type { z } from 'zod'
import type { JsonValue } from '../values.js'
import type { GeoPoint } from './field.js'
import type {
  BinaryOptions,
  CommonFieldOptions,
  DefaultOption,
  FloatOptions,
  JsonOptions,
  NumberOptions,
  StringOptions,
} from './field-options.js'
import { makeField } from './make-field.js'
import type { StateField } from './typed-field.js'

/** A field with a default always has a value, unless its options say otherwise. */
type Optional<Default> = Default extends undefined ? true : false

/**
 * What a device is set to: columns of the device's row, kept in step with the device by desired and reported state.
 *
 * @example
 * import { state } from '@devicehub/core'
 *
 * const fields = { recording_mode: state.enum(['continuous', 'burst'], { default: 'continuous' }) }
 */
export const state = {
  /**
   * A finite number.
   *
   * @example
   * import { state } from '@devicehub/core'
   *
   * const fields = { setpoint: state.float({ unit: '°C', default: 21.5 }) }
   */
  float: <Default extends number | undefined = undefined, Nullable extends boolean = Optional<Default>>(
    options: FloatOptions<Nullable> & DefaultOption<Default> = {},
  ): StateField<number, NoInfer<Nullable>, 'float'> => make('float', options),

  /**
   * A whole number within ±(2^53 - 1).
   *
   * @example
   * import { state } from '@devicehub/core'
   *
   * const fields = { interval: state.integer({ unit: 's', default: 60 }) }
   */
  integer: <Default extends number | undefined = undefined, Nullable extends boolean = Optional<Default>>(
    options: NumberOptions<Nullable> & DefaultOption<Default> = {},
  ): StateField<number, NoInfer<Nullable>, 'integer'> => make('integer', options),

  /**
   * True or false, and nothing that only counts as such.
   *
   * @example
   * import { state } from '@devicehub/core'
   *
   * const fields = { armed: state.boolean({ default: false }) }
   */
  boolean: <Default extends boolean | undefined = undefined, Nullable extends boolean = Optional<Default>>(
    options: CommonFieldOptions<Nullable> & DefaultOption<Default> = {},
  ): StateField<boolean, NoInfer<Nullable>, 'boolean'> => make('boolean', options),

  /**
   * At most 255 characters unless `maxLength` says otherwise.
   *
   * @example
   * import { state } from '@devicehub/core'
   *
   * const fields = { label: state.string({ maxLength: 64 }) }
   */
  string: <Default extends string | undefined = undefined, Nullable extends boolean = Optional<Default>>(
    options: StringOptions<Nullable> & DefaultOption<Default> = {},
  ): StateField<string, NoInfer<Nullable>, 'string'> => make('string', options),

  /**
   * One of the listed texts.
   *
   * @example
   * import { state } from '@devicehub/core'
   *
   * const fields = { mode: state.enum(['continuous', 'burst'], { default: 'continuous' }) }
   */
  enum: <
    const Value extends string,
    Default extends NoInfer<Value> | undefined = undefined,
    Nullable extends boolean = Optional<Default>,
  >(
    values: readonly [Value, ...Value[]],
    options: CommonFieldOptions<Nullable> & DefaultOption<Default> = {},
  ): StateField<Value, NoInfer<Nullable>, 'enum'> => make('enum', options, values),

  /**
   * A `Date`; on the wire RFC 3339 or an epoch number (seconds below 10^11, else milliseconds).
   *
   * @example
   * import { state } from '@devicehub/core'
   *
   * const fields = { last_service: state.datetime() }
   */
  datetime: <Default extends Date | undefined = undefined, Nullable extends boolean = Optional<Default>>(
    options: CommonFieldOptions<Nullable> & DefaultOption<Default> = {},
  ): StateField<Date, NoInfer<Nullable>, 'datetime'> => make('datetime', options),

  /**
   * Any JSON, or what `schema` admits.
   *
   * @example
   * import { state } from '@devicehub/core'
   *
   * const fields = { schedule: state.json() }
   */
  json: <
    Schema extends z.ZodType = z.ZodType<JsonValue>,
    Default extends z.output<NoInfer<Schema>> | undefined = undefined,
    Nullable extends boolean = Optional<Default>,
  >(
    options: JsonOptions<Schema, Nullable> & DefaultOption<Default> = {},
  ): StateField<z.output<Schema>, NoInfer<Nullable>, 'json'> => make('json', options),

  /**
   * Bytes; base64 in JSON, a byte string in CBOR.
   *
   * @example
   * import { state } from '@devicehub/core'
   *
   * const fields = { key: state.binary({ maxLength: 32 }) }
   */
  binary: <Default extends Uint8Array | undefined = undefined, Nullable extends boolean = Optional<Default>>(
    options: BinaryOptions<Nullable> & DefaultOption<Default> = {},
  ): StateField<Uint8Array, NoInfer<Nullable>, 'binary'> => make('binary', options),

  /**
   * `{ lat, lon, alt? }` in degrees and metres.
   *
   * @example
   * import { state } from '@devicehub/core'
   *
   * const fields = { position: state.geo() }
   */
  geo: <Default extends GeoPoint | undefined = undefined, Nullable extends boolean = Optional<Default>>(
    options: CommonFieldOptions<Nullable> & DefaultOption<Default> = {},
  ): StateField<GeoPoint, NoInfer<Nullable>, 'geo'> => make('geo', options),
}

const make = <F extends StateField>(
  kind: StateField['kind'],
  options: object,
  values: readonly string[] | null = null,
): F => makeField(kind, options, 'state', values) as F

import type { z } from 'zod'
import type { JsonValue } from '../values.js'
import type { GeoPoint } from './field.js'
import type {
  BinaryOptions,
  CommonFieldOptions,
  FloatOptions,
  JsonOptions,
  NumberOptions,
  StringOptions,
} from './field-options.js'
import { makeField } from './make-field.js'
import type { ReadingField } from './typed-field.js'

/**
 * What a device measures. Each call gives one field of `readings`; a reading may be missing from a sample unless
 * `nullable: false` says otherwise.
 *
 * @example
 * import { reading } from '@devicehub/core'
 *
 * const readings = {
 *   temperature: reading.float({ unit: '°C', range: [-40, 80], precision: 2 }),
 *   door: reading.enum(['open', 'closed']),
 * }
 */
export const reading = {
  /**
   * A finite number.
   *
   * @example
   * import { reading } from '@devicehub/core'
   *
   * const readings = { temperature: reading.float({ unit: '°C', range: [-40, 80], precision: 1 }) }
   */
  float: <Nullable extends boolean = true>(
    options: FloatOptions<Nullable> = {},
  ): ReadingField<number, NoInfer<Nullable>, 'float'> => make('float', options),

  /**
   * A whole number within ±(2^53 - 1).
   *
   * @example
   * import { reading } from '@devicehub/core'
   *
   * const readings = { co2: reading.integer({ unit: 'ppm' }) }
   */
  integer: <Nullable extends boolean = true>(
    options: NumberOptions<Nullable> = {},
  ): ReadingField<number, NoInfer<Nullable>, 'integer'> => make('integer', options),

  /**
   * True or false, and nothing that only counts as such.
   *
   * @example
   * import { reading } from '@devicehub/core'
   *
   * const readings = { motion: reading.boolean() }
   */
  boolean: <Nullable extends boolean = true>(
    options: CommonFieldOptions<Nullable> = {},
  ): ReadingField<boolean, NoInfer<Nullable>, 'boolean'> => make('boolean', options),

  /**
   * At most 255 characters unless `maxLength` says otherwise.
   *
   * @example
   * import { reading } from '@devicehub/core'
   *
   * const readings = { label: reading.string({ maxLength: 64 }) }
   */
  string: <Nullable extends boolean = true>(
    options: StringOptions<Nullable> = {},
  ): ReadingField<string, NoInfer<Nullable>, 'string'> => make('string', options),

  /**
   * One of the listed texts.
   *
   * @example
   * import { reading } from '@devicehub/core'
   *
   * const readings = { door: reading.enum(['open', 'closed']) }
   */
  enum: <const Value extends string, Nullable extends boolean = true>(
    values: readonly [Value, ...Value[]],
    options: CommonFieldOptions<Nullable> = {},
  ): ReadingField<Value, NoInfer<Nullable>, 'enum'> => make('enum', options, values),

  /**
   * A `Date`; on the wire RFC 3339 or an epoch number (seconds below 10^11, else milliseconds).
   *
   * @example
   * import { reading } from '@devicehub/core'
   *
   * const readings = { calibrated_at: reading.datetime() }
   */
  datetime: <Nullable extends boolean = true>(
    options: CommonFieldOptions<Nullable> = {},
  ): ReadingField<Date, NoInfer<Nullable>, 'datetime'> => make('datetime', options),

  /**
   * Any JSON, or what `schema` admits.
   *
   * @example
   * import { reading } from '@devicehub/core'
   *
   * const readings = { spectrum: reading.json() }
   */
  json: <Schema extends z.ZodType = z.ZodType<JsonValue>, Nullable extends boolean = true>(
    options: JsonOptions<Schema, Nullable> = {},
  ): ReadingField<z.output<Schema>, NoInfer<Nullable>, 'json'> => make('json', options),

  /**
   * Bytes; base64 in JSON, a byte string in CBOR.
   *
   * @example
   * import { reading } from '@devicehub/core'
   *
   * const readings = { waveform: reading.binary({ maxLength: 1024 }) }
   */
  binary: <Nullable extends boolean = true>(
    options: BinaryOptions<Nullable> = {},
  ): ReadingField<Uint8Array, NoInfer<Nullable>, 'binary'> => make('binary', options),

  /**
   * `{ lat, lon, alt? }` in degrees and metres.
   *
   * @example
   * import { reading } from '@devicehub/core'
   *
   * const readings = { position: reading.geo() }
   */
  geo: <Nullable extends boolean = true>(
    options: CommonFieldOptions<Nullable> = {},
  ): ReadingField<GeoPoint, NoInfer<Nullable>, 'geo'> => make('geo', options),
}

/** The phantom types of a field exist only for the compiler, so this is the one place that has to assert them. */
const make = <F extends ReadingField>(
  kind: ReadingField['kind'],
  options: object,
  values: readonly string[] | null = null,
): F => makeField(kind, options, 'reading', values) as F

import type { Field, GeoPoint } from '../device-type/field.js'
import type { StoredValue } from '../values.js'
import { decodeBase64 } from './base64.js'
import { isRecord } from './is-record.js'
import { parseTimestamp } from './parse-timestamp.js'
import { isPlainJson } from './plain-json.js'
import { runSchema } from './run-schema.js'
import { hasBytesWithin, isTextWithin } from './text.js'
import type { WallClock } from './time-zone.js'

/** A value that is not null, as it came from a device or a caller, in its stored form; undefined when it does not fit. */
export type FieldCheck = (value: unknown) => StoredValue | undefined

/**
 * Made once a field: what the field's options mean is decided here and not for each value. Ranges are not looked at.
 * `wallClock`: for times without a zone; default UTC.
 */
export function compileFieldCheck(field: Field, wallClock?: WallClock): FieldCheck {
  const { maxLength, values, schema } = field
  switch (field.kind) {
    case 'float':
      return oneOf(field, field.precision === null ? finite : rounded(field.precision))
    case 'integer':
      return oneOf(field, integer)
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? value : undefined)
    case 'string':
      return (value) =>
        typeof value === 'string' && isTextWithin(value, maxLength ?? Number.POSITIVE_INFINITY)
          ? value
          : undefined
    case 'enum': {
      const members: ReadonlySet<unknown> = new Set(values)
      return (value) => (members.has(value) ? (value as string) : undefined)
    }
    case 'datetime':
      return (value) => parseTimestamp(value, wallClock)
    case 'json':
      // A function of the schema's may throw or be asynchronous, too.
      return orUnfit((value) => {
        const parsed = schema === undefined ? value : parseWith(schema, value)
        if (parsed === undefined || !isPlainJson(parsed)) return undefined
        const text = JSON.stringify(parsed)
        return maxLength === null || hasBytesWithin(text, maxLength) ? text : undefined
      })
    case 'binary':
      return orUnfit((value) => {
        const bytes = typeof value === 'string' ? decodeBase64(value) : plainBytes(value)
        return bytes !== undefined && (maxLength === null || bytes.length <= maxLength) ? bytes : undefined
      })
    case 'geo':
      return orUnfit((value) => {
        const point = toGeoPoint(value)
        return point === undefined ? undefined : JSON.stringify(point)
      })
  }
}

/** What would fit, to go on "must be". */
export function describeField(field: Field): string {
  if (field.choices !== undefined) return `one of ${field.choices.join(', ')}`
  switch (field.kind) {
    case 'float':
      return 'a finite number'
    case 'integer':
      return 'a whole number within ±(2^53 - 1)'
    case 'boolean':
      return 'true or false'
    case 'string':
      return `a text of at most ${field.maxLength ?? 'any number of'} characters, without NUL and broken surrogates`
    case 'enum':
      return `one of ${field.values?.join(', ')}`
    case 'datetime':
      return 'an RFC 3339 time, or an epoch number'
    case 'json':
      return `JSON ${field.schema === undefined ? 'of at most 64 levels' : 'that fits its schema'}${field.maxLength === null ? '' : `, at most ${field.maxLength} bytes`}`
    case 'binary':
      return `base64 or bytes${field.maxLength === null ? '' : `, at most ${field.maxLength} bytes`}`
    case 'geo':
      return '{ lat, lon, alt? } with lat from -90 to 90 and lon from -180 to 180'
  }
}

/** For values that are objects: a caller's may throw when it is looked at (a proxy, a getter), and fits nothing then. */
const orUnfit =
  (check: FieldCheck): FieldCheck =>
  (value) => {
    try {
      return check(value)
    } catch {
      return undefined
    }
  }

/** A copy of its own: the caller's bytes may change, or be a view of a larger buffer. Never a `Buffer`. */
const plainBytes = (value: unknown): Uint8Array | undefined =>
  value instanceof Uint8Array ? new Uint8Array(value) : undefined

function oneOf({ choices }: Field, check: FieldCheck): FieldCheck {
  if (choices === undefined) return check
  const known: ReadonlySet<unknown> = new Set(choices)
  return (value) => {
    const stored = check(value)
    return known.has(stored) ? stored : undefined
  }
}

/** `+ 0` turns -0 into 0: the two are equal and databases do not agree on keeping them apart. */
const finite: FieldCheck = (value) =>
  typeof value === 'number' && Number.isFinite(value) ? value + 0 : undefined

const integer: FieldCheck = (value) => (Number.isSafeInteger(value) ? (value as number) + 0 : undefined)

function rounded(precision: number): FieldCheck {
  const scale = 10 ** precision
  return (value) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
    const scaled = value * scale
    // Past 2^53 a double has no decimal places left to round.
    return Math.abs(scaled) < Number.MAX_SAFE_INTEGER ? Math.round(scaled) / scale + 0 : value
  }
}

function parseWith(schema: NonNullable<Field['schema']>, value: unknown): unknown {
  const result = runSchema(schema, value)
  return result.success ? result.data : undefined
}

function toGeoPoint(value: unknown): GeoPoint | undefined {
  if (!isRecord(value)) return undefined
  const { lat, lon, alt } = value
  if (!isWithin(lat, 90) || !isWithin(lon, 180)) return undefined
  if (alt === undefined || alt === null) return { lat, lon }
  return isWithin(alt, Number.MAX_VALUE) ? { lat, lon, alt } : undefined
}

const isWithin = (value: unknown, bound: number): value is number =>
  typeof value === 'number' && value >= -bound && value <= bound

import { accept, optional, partOf, satisfies, trusting, word } from '../check/index.js'
import { deviceType } from '../device-type/type-rule.js'
import * as schemas from './check-schema.js'
import * as timestamps from './parse-timestamp.js'
import * as stored from './stored-value.js'
import { wallClockOf } from './time-zone.js'
import * as samples from './validate-sample.js'

/** As others call them, with arguments of their own; the hub calls them with what it has checked. */

const FIELD = 'a field of a device type and its value'

/**
 * A caller's value in its stored form: `Date` and `Uint8Array` as well as what JSON has for them (RFC 3339 or epoch,
 * base64). `invalid_payload` for one that does not fit, a number outside its range included.
 */
export const toStored = trusting('toStored', FIELD, stored.toStored, 'invalid_payload')
/** The value that callers see, out of its stored form: `Date`, `Uint8Array`, parsed JSON. */
export const fromStored = trusting('fromStored', FIELD, stored.fromStored, 'invalid_payload')
/** A stored value as JSON has it, for answers and streams: times in RFC 3339, bytes in base64. */
export const toJson = trusting('toJson', FIELD, stored.toJson, 'invalid_payload')
/**
 * Epoch milliseconds of a time as devices write it: RFC 3339, the basic form of ISO 8601, an epoch number whose unit
 * its magnitude tells, or a `Date`. Undefined for anything else; never throws.
 */
export const parseTimestamp = trusting(
  'parseTimestamp',
  'a time and the function of a clock',
  timestamps.parseTimestamp,
)

const POLICIES = partOf<Partial<samples.SamplePolicies>>(
  {
    unknownField: optional(word('ignore', 'flag', 'reject')),
    outOfRange: optional(word('flag', 'reject', 'clamp')),
    badReading: optional(word('flag', 'reject')),
    timeZone: optional(
      satisfies<string>(
        'the name of a time zone',
        (value) => typeof value === 'string' && wallClockOf(value) !== undefined,
      ),
    ),
  },
  'policies',
)

/** Makes the check of a type's samples, once a type: the type's own policies go before the given ones. */
export const compileSampleValidator: typeof samples.compileSampleValidator = (type, policies = {}) =>
  trusting(
    'validate',
    'a sample of parseData',
    samples.compileSampleValidator(
      accept('compileSampleValidator', 'type', deviceType, type),
      accept('compileSampleValidator', 'policies', POLICIES, policies),
    ),
    'invalid_payload',
  )

/** Asks a schema of the user's; one that throws, or wants to be asked asynchronously, admits nothing. */
export const checkSchema = trusting('checkSchema', 'a schema, a value and its name', schemas.checkSchema)

import { accept, optional, partOf, satisfies, trusting, word } from '../check/index.js'
import { deviceType } from '../device-type/type-rule.js'
import * as schemas from './check-schema.js'
import * as timestamps from './parse-timestamp.js'
import * as stored from './stored-value.js'
import { wallClockOf } from './time-zone.js'
import * as samples from './validate-sample.js'

/** As others call them, with arguments of their own; the hub calls them with what it has checked. */

const FIELD = 'a field of a device type and its value'

export const toStored = trusting('toStored', FIELD, stored.toStored, 'invalid_payload')
export const fromStored = trusting('fromStored', FIELD, stored.fromStored, 'invalid_payload')
export const toJson = trusting('toJson', FIELD, stored.toJson, 'invalid_payload')
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

export const checkSchema = trusting('checkSchema', 'a schema, a value and its name', schemas.checkSchema)

import { wallClockOf } from '../codec/time-zone.js'
import { DeviceHubError } from '../errors.js'
import { OFFLINE_POLICIES } from '../ports/commands.js'
import { parseTemplate } from '../topic/template.js'
import type { TypeOptions } from './device-type.js'

/** What `defineDeviceType` takes of these; undefined is as good as absent. */
export type TypeOptionsInput = { readonly [Name in keyof TypeOptions]?: TypeOptions[Name] | undefined }

const UNKNOWN_DEVICE = ['quarantine', 'register', 'reject']
const UNKNOWN_FIELD = ['ignore', 'flag', 'reject']
const OUT_OF_RANGE = ['flag', 'reject', 'clamp']
const BAD_READING = ['flag', 'reject']
const IMPOSSIBLE_TIME = ['received', 'flag', 'reject']

type Check = (value: unknown, fail: (rule: string) => DeviceHubError) => void

const oneOf =
  (values: readonly string[]): Check =>
  (value, fail) => {
    if (!values.includes(value as string)) throw fail(`one of ${values.join(', ')}`)
  }

const name: Check = (value, fail) => {
  if (typeof value !== 'string' || value === '') throw fail('a text that is not empty')
}

/** `readings` and `device_id` have a meaning of their own. */
const fieldName: Check = (value, fail) => {
  if (value === false) return
  const good =
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= 63 &&
    !['readings', 'device_id', '__proto__'].includes(value)
  if (!good) throw fail('the name of a field of the payload (1 to 63 characters), or false for none')
}

const flag: Check = (value, fail) => {
  if (typeof value !== 'boolean') throw fail('true or false')
}

const isSeconds = (value: unknown): boolean =>
  typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const CHECKS: Readonly<Record<keyof TypeOptions, Check>> = {
  protocol: name,
  broker: name,
  heartbeatInterval(value, fail) {
    if (!isSeconds(value)) throw fail('a finite number of seconds above 0')
  },
  topicTemplate(value) {
    parseTemplate(value as string)
  },
  codec(value, fail) {
    const isCodec =
      isRecord(value) &&
      typeof value.name === 'string' &&
      typeof value.contentType === 'string' &&
      typeof value.decode === 'function' &&
      typeof value.encode === 'function'
    if (!isCodec) throw fail('a codec with name, contentType, decode and encode')
  },
  retention(value, fail) {
    const rule =
      '{ readings?, messages? } in seconds, each a finite number above 0; leave one out to keep for good'
    if (!isRecord(value)) throw fail(rule)
    for (const [part, seconds] of Object.entries(value)) {
      const known = part === 'readings' || part === 'messages'
      if (!known || (seconds !== undefined && !isSeconds(seconds))) throw fail(rule)
    }
  },
  lastValues: flag,
  onOffline: oneOf(OFFLINE_POLICIES),
  sampleId: fieldName,
  timestampField: fieldName,
  unknownDevice: oneOf(UNKNOWN_DEVICE),
  unknownField: oneOf(UNKNOWN_FIELD),
  outOfRange: oneOf(OUT_OF_RANGE),
  badReading: oneOf(BAD_READING),
  impossibleTime: oneOf(IMPOSSIBLE_TIME),
  earliestTime(value, fail) {
    if (!(value instanceof Date) || Number.isNaN(value.getTime())) throw fail('a Date')
  },
  timeZone(value, fail) {
    if (typeof value !== 'string' || wallClockOf(value) === undefined)
      throw fail('UTC, an offset such as +02:00, or the name of a time zone such as Europe/Berlin')
  },
  clockSkew(value, fail) {
    const good = (seconds: unknown) => typeof seconds === 'number' && seconds >= 0
    if (!isRecord(value) || !good(value.past) || !good(value.future)) {
      throw fail('{ past, future } in seconds, each a number from 0 up; Infinity admits any')
    }
  },
}

export const OPTION_NAMES = Object.keys(CHECKS) as (keyof TypeOptions)[]

/** Throws what `fail` makes of the rule that a value breaks. */
export const checkOption = (
  option: keyof TypeOptions,
  value: unknown,
  fail: (rule: string) => DeviceHubError,
): void => CHECKS[option](value, fail)

/** Only what is set, checked and frozen. */
export function checkOptions(typeName: string, input: TypeOptionsInput): Partial<TypeOptions> {
  const options: Record<string, unknown> = {}
  for (const option of OPTION_NAMES) {
    const value = input[option]
    if (value === undefined) continue
    const fail = (rule: string) =>
      new DeviceHubError('invalid_definition', `${typeName}: ${option} must be ${rule}`, {
        details: { type: typeName, option, value },
      })
    try {
      CHECKS[option](value, fail)
    } catch (cause) {
      const named = cause instanceof DeviceHubError && cause.code === 'invalid_definition'
      throw named ? cause : fail(`a topic template: ${(cause as Error).message}`)
    }
    // A codec may hold state of its own; the plain values are frozen copies.
    const isPlain = option === 'retention' || option === 'clockSkew'
    options[option] = isPlain
      ? Object.freeze({ ...(value as object) })
      : value instanceof Date
        ? new Date(value)
        : value
  }
  return options as Partial<TypeOptions>
}

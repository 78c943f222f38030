import {
  date,
  durationInSeconds,
  fits,
  flag,
  Misfit,
  optional,
  options,
  port,
  type Rule,
  satisfies,
  showValue,
  text,
  withExpected,
  word,
} from '../check/index.js'
import type { Codec } from '../codec/codec.js'
import { wallClockOf } from '../codec/time-zone.js'
import { DeviceHubError } from '../errors.js'
import { parseTemplate } from '../topic/template.js'
import type { Retention, TypeOptions } from './device-type.js'
import { OFFLINE_POLICIES } from './offline-policy.js'

/** What `defineDeviceType` takes of these; undefined is as good as absent. */
export type TypeOptionsInput = { readonly [Name in keyof TypeOptions]?: TypeOptions[Name] | undefined }

/** `readings` and `device_id` have a meaning of their own. */
const fieldName = satisfies<string | false>(
  'the name of a field of the payload (1 to 63 characters), or false for none',
  (value) =>
    value === false ||
    (fits(text({ max: 63 }), value) && !['readings', 'device_id', '__proto__'].includes(value as string)),
)

const name = withExpected('a text that is not empty', text({ max: 255 }))
const HUNDRED_YEARS = '36500d'
const kept = durationInSeconds({ min: '1ms', max: HUNDRED_YEARS })
const skew = durationInSeconds({ max: HUNDRED_YEARS, infinite: true })

/** Its own check says what is wrong with it. */
const topicTemplate: Rule<string> = {
  expected: 'a topic template',
  take(value, at) {
    parseTemplate(value as string)
    return text().take(value, at)
  },
}

const codec: Rule<Codec> = {
  expected: 'a codec with name, contentType, decode and encode',
  take(value, at) {
    const given = port<Codec>(codec.expected, 'decode', 'encode').take(value, at)
    // It may hold state of its own, so it stays the same object.
    CODEC_TEXTS.take({ name: given.name, contentType: given.contentType }, at)
    return given
  },
}
const CODEC_TEXTS = options<Pick<Codec, 'name' | 'contentType'>>({ name: text(), contentType: text() })

const RULES: { readonly [Name in keyof TypeOptions]: Rule<TypeOptions<number>[Name]> } = {
  protocol: name,
  broker: name,
  heartbeatInterval: durationInSeconds({ min: '1ms', max: '366d' }),
  topicTemplate,
  codec: withExpected(codec.expected, codec),
  retention: withExpected(
    `{ readings?, messages? }, each ${kept.expected}; leave one out to keep for good`,
    options<Retention<number>>({ readings: optional(kept), messages: optional(kept) }),
  ),
  lastValues: flag,
  onOffline: word(...OFFLINE_POLICIES),
  sampleId: fieldName,
  timestampField: fieldName,
  unknownDevice: word('quarantine', 'register', 'reject'),
  unknownField: word('ignore', 'flag', 'reject'),
  outOfRange: word('flag', 'reject', 'clamp'),
  badReading: word('flag', 'reject'),
  impossibleTime: word('received', 'flag', 'reject'),
  earliestTime: withExpected('a Date', date),
  timeZone: satisfies(
    'UTC, an offset such as +02:00, or the name of a time zone such as Europe/Berlin',
    (value) => typeof value === 'string' && wallClockOf(value) !== undefined,
  ),
  clockSkew: withExpected(
    `{ past, future }, each ${skew.expected}`,
    options<TypeOptions<number>['clockSkew']>({ past: skew, future: skew }),
  ),
}

export const OPTION_NAMES = Object.keys(RULES) as (keyof TypeOptions)[]

/** The value to go on with, frozen where it is plain. Throws what `fail` makes of the rule that a value breaks. */
export function takeOption(
  option: keyof TypeOptions,
  value: unknown,
  fail: (rule: string) => DeviceHubError,
): unknown {
  try {
    const taken: unknown = RULES[option].take(value, option)
    return option === 'retention' || option === 'clockSkew' ? Object.freeze(taken) : taken
  } catch (error) {
    if (error instanceof Misfit) throw fail(error.expected + error.hint)
    // Of a topic template.
    throw fail(`a topic template: ${(error as Error).message}`)
  }
}

/** Only what is set, checked and frozen. */
export function checkOptions(typeName: string, input: TypeOptionsInput): Partial<TypeOptions<number>> {
  const taken: Record<string, unknown> = {}
  for (const option of OPTION_NAMES) {
    const value = input[option]
    if (value === undefined) continue
    taken[option] = takeOption(
      option,
      value,
      (rule) =>
        new DeviceHubError('invalid_definition', `${typeName}: ${option} must be ${rule}`, {
          details: { type: typeName, option, value: showValue(value) },
        }),
    )
  }
  return taken as Partial<TypeOptions<number>>
}

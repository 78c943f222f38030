import { accept, anything, fits, list, number, optional, options, word } from '../check/index.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { declaredType, deviceType } from '../device-type/type-rule.js'
import type { ErrorCode } from '../errors.js'
import { CHANNELS, type Channel } from './channel.js'

/** What the functions of topics take. A message pays none of it: its topic goes through a router that was made before. */

const TOPIC = {
  // Its own check names what is wrong with it.
  prefix: optional(anything<string>()),
  deviceIdMaxLength: optional(number({ min: 1, infinite: true })),
}
const TOPIC_OPTIONS = options<TopicOptions>(TOPIC)
const SUBSCRIBE = options<SubscribePatternOptions>({
  ...TOPIC,
  channels: optional(list(word(...CHANNELS), { max: 100 })),
})

export const acceptTopic = (call: string, given: unknown): TopicOptions =>
  accept(call, 'options', TOPIC_OPTIONS, given)
export const acceptSubscribe = (given: unknown): SubscribePatternOptions =>
  accept('subscribePatterns', 'options', SUBSCRIBE, given)
export const acceptType = (call: string, type: unknown): AnyDeviceType =>
  accept(call, 'type', deviceType, type)

const TYPES = list(declaredType)

/** `types` is anything to iterate over. */
export const acceptTypes = (call: string, given: unknown, code?: ErrorCode): readonly AnyDeviceType[] =>
  accept(call, 'types', TYPES, fits(TYPES, given) ? given : iterated(given), code)

function iterated(given: unknown): unknown {
  try {
    return typeof given === 'object' && given !== null ? [...(given as Iterable<unknown>)] : given
  } catch {
    return given
  }
}

/** Which filters to subscribe to. */
export interface SubscribePatternOptions extends TopicOptions {
  /** Default: those that devices send on. */
  readonly channels?: readonly Channel[] | undefined
}

/** What topics look like at a hub. */
export interface TopicOptions {
  /** Default `things`. */
  readonly prefix?: string | undefined
  /** Characters; default 128. */
  readonly deviceIdMaxLength?: number | undefined
}

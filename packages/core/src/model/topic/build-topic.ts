import { showValue } from '../check/show-value.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { DeviceHubError } from '../errors.js'
import { CHANNELS, type Channel, INBOUND_CHANNELS, isChannel } from './channel.js'
import { assertDeviceId, DEVICE_ID_MAX_LENGTH } from './device-id.js'
import { createTopicRouter } from './router.js'
import {
  DEFAULT_TOPIC_PREFIX,
  parsePrefix,
  parseTemplate,
  type ResolvedLevel,
  resolveTemplate,
  templateOf,
} from './template.js'
import {
  acceptSubscribe,
  acceptTopic,
  acceptType,
  type SubscribePatternOptions,
  type TopicOptions,
} from './topic-rules.js'

/**
 * The topic of one device's channel (default `data`). `invalid_device_id` for an id that could leave its level. A hub
 * knows its own prefix: `hub.topic(type, deviceId, channel)`.
 *
 * @example
 * import { buildTopic } from '@devicehub/core/definition'
 * import { WeatherStation } from './hub.js'
 *
 * buildTopic(WeatherStation, 'STATION-001', 'status') // things/weatherstation/STATION-001/status
 */
export function buildTopic(
  type: AnyDeviceType,
  deviceId: string,
  channel: Channel = 'data',
  options: TopicOptions = {},
): string {
  return topicOf(acceptType('buildTopic', type), deviceId, channel, acceptTopic('buildTopic', options))
}

/** The same for the hub, whose type and options were looked at when it was made. */
export function topicOf(
  type: AnyDeviceType,
  deviceId: string,
  channel: Channel,
  { prefix = DEFAULT_TOPIC_PREFIX, deviceIdMaxLength = DEVICE_ID_MAX_LENGTH }: TopicOptions,
): string {
  assertDeviceId(deviceId, deviceIdMaxLength)
  return fill(type, prefix, deviceId, channel)
}

/**
 * Every topic of one device, by channel.
 *
 * @example
 * import { deviceTopics } from '@devicehub/core'
 * import { WeatherStation } from './hub.js'
 *
 * deviceTopics(WeatherStation, 'STATION-001')
 */
export function deviceTopics(
  type: AnyDeviceType,
  deviceId: string,
  options: TopicOptions = {},
): Record<Channel, string> {
  return topicsOf(acceptType('deviceTopics', type), deviceId, acceptTopic('deviceTopics', options))
}

function topicsOf(type: AnyDeviceType, deviceId: string, options: TopicOptions): Record<Channel, string> {
  const entries = CHANNELS.map((channel) => [channel, topicOf(type, deviceId, channel, options)])
  return Object.fromEntries(entries) as Record<Channel, string>
}

/**
 * The filters that bring what all devices of the type send: one a channel, with `+` for the device.
 *
 * @example
 * import { subscribePatterns } from '@devicehub/core/definition'
 * import { WeatherStation } from './hub.js'
 *
 * subscribePatterns(WeatherStation, { channels: ['data'] }) // ['things/weatherstation/+/data']
 */
export function subscribePatterns(type: AnyDeviceType, options: SubscribePatternOptions = {}): string[] {
  acceptType('subscribePatterns', type)
  const { prefix = DEFAULT_TOPIC_PREFIX, channels = INBOUND_CHANNELS } = acceptSubscribe(options)
  return channels.map((channel) => fill(type, prefix, '+', channel))
}

/**
 * The device and channel of a topic of this type; null for any other topic. For many topics or types use
 * `createTopicRouter`.
 *
 * @example
 * import { parseTopic } from '@devicehub/core/definition'
 * import { WeatherStation } from './hub.js'
 *
 * parseTopic(WeatherStation, 'things/weatherstation/STATION-001/data')?.deviceId // STATION-001
 */
export function parseTopic(
  type: AnyDeviceType,
  topic: string,
  options: TopicOptions = {},
): { deviceId: string; channel: Channel } | null {
  const found = createTopicRouter([acceptType('parseTopic', type)], options)(topic)
  return 'code' in found ? null : { deviceId: found.deviceId, channel: found.channel }
}

function fill(type: AnyDeviceType, prefix: string, device: string, channel: Channel): string {
  if (type.abstract) {
    throw new DeviceHubError(
      'invalid_topic',
      `${type.name} is abstract and has no topics; use a type that extends it`,
      {
        details: { type: type.name },
      },
    )
  }
  if (!isChannel(channel)) {
    const message = `There is no channel ${showValue(channel)}; the channels are ${CHANNELS.join(', ')}`
    throw new DeviceHubError('invalid_topic', message, { details: { channel: showValue(channel) } })
  }
  return levelsOf(type, prefix)
    .map((level) => (level.kind === 'literal' ? level.text : level.kind === 'device' ? device : channel))
    .join('/')
}

/**
 * The levels of a type's topics under the prefix that was asked for last: a process mostly has one. They follow from the
 * two alone, and reading the template costs more than all the rest.
 */
const lastLevels = new WeakMap<AnyDeviceType, { prefix: string; levels: readonly ResolvedLevel[] }>()

function levelsOf(type: AnyDeviceType, prefix: string): readonly ResolvedLevel[] {
  const last = lastLevels.get(type)
  if (last?.prefix === prefix) return last.levels
  const levels = resolveTemplate(parseTemplate(templateOf(type)), parsePrefix(prefix), type.key)
  lastLevels.set(type, { prefix, levels })
  return levels
}

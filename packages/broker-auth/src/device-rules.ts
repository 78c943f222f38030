import {
  type AnyDeviceType,
  buildTopic,
  type Channel,
  INBOUND_CHANNELS,
  OUTBOUND_CHANNELS,
} from '@devicehub/core'
import type { AccessRequest, Grants } from './decision.js'
import { containsFilter, isPublishable, parseSubscription } from './topic-filter.js'

/** Its own topics, and nothing else: none of them holds a wildcard. */
export function deviceGrants(type: AnyDeviceType, deviceId: string, prefix: string): Grants {
  // How long an id may be was decided when the device was made.
  const own = (channel: Channel) =>
    buildTopic(type, deviceId, channel, { prefix, deviceIdMaxLength: Number.POSITIVE_INFINITY })
  return { publish: INBOUND_CHANNELS.map(own), subscribe: OUTBOUND_CHANNELS.map(own) }
}

/** Why no rule can allow it to a device; null: it may be asked for. */
export function deviceTopicProblem({ action, topic }: AccessRequest): string | null {
  const valid = action === 'publish' ? isPublishable(topic) : parseSubscription(topic) !== null
  if (!valid) return 'malformed_topic'
  // `$share`, `$queue`, `$exclusive`, `$SYS`, `$CONTROL`, and what brokers will make up next.
  if (topic.startsWith('$')) return 'reserved_topic'
  // RabbitMQ's wildcard, which MQTT does not know as one.
  return topic.includes('*') ? 'wildcard' : null
}

/** Whether the grants allow it. What shares a subscription has to be stripped before. */
export const grantsAllow = (grants: Grants, action: AccessRequest['action'], filter: string): boolean =>
  grants[action].some((granted) => containsFilter(granted, filter))

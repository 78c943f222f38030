import { type AnyDeviceType, type Channel, DeviceHubError } from '@devicehub/core'
import { isValidDeviceId, subscribePatterns } from '@devicehub/core/definition'
import { deviceIdProblem, INBOUND_CHANNELS, OUTBOUND_CHANNELS } from '@devicehub/core/transport'
import type { AccessRequest, Grants } from './decision.js'
import { containsFilter, isPublishable, parseSubscription } from './topic-filter.js'

/** The grants of one device: its own topics and nothing else, without wildcards. */
export type DeviceGrants = (type: AnyDeviceType, deviceId: string) => Grants

/** For one topic prefix. The topics of each type are split once, not at each login. */
export function createDeviceGrants(prefix: string): DeviceGrants {
  type Patterns = { readonly [Action in keyof Grants]: readonly (readonly [string, string])[] }
  const patterns = new Map<AnyDeviceType, Patterns>()

  function patternsOf(type: AnyDeviceType): Patterns {
    const known = patterns.get(type)
    if (known !== undefined) return known
    // The + stands for the device, and nothing else of a template holds one.
    const around = (channels: readonly Channel[]) =>
      subscribePatterns(type, { channels, prefix }).map((pattern) => pattern.split('+') as [string, string])
    const made = { publish: around(INBOUND_CHANNELS), subscribe: around(OUTBOUND_CHANNELS) }
    patterns.set(type, made)
    return made
  }

  return (type, deviceId) => {
    // The hub refuses such ids. In a row that other software wrote, one would be a wildcard or a level of another device.
    if (!isValidDeviceId(deviceId, Number.POSITIVE_INFINITY))
      throw new DeviceHubError('invalid_device_id', `The stored device id ${deviceIdProblem(deviceId)}`)
    const { publish, subscribe } = patternsOf(type)
    const fill = ([before, after]: readonly [string, string]) => before + deviceId + after
    return { publish: publish.map(fill), subscribe: subscribe.map(fill) }
  }
}

/** Why no rule can allow it to a device; null: a rule may. */
export function deviceTopicProblem({ action, topic }: AccessRequest): string | null {
  const valid = action === 'publish' ? isPublishable(topic) : parseSubscription(topic) !== null
  if (!valid) return 'malformed_topic'
  // `$share`, `$queue`, `$exclusive`, `$SYS`, `$CONTROL`, and whatever brokers add later.
  if (topic.startsWith('$')) return 'reserved_topic'
  // A wildcard in RabbitMQ, but not in MQTT.
  return topic.includes('*') ? 'wildcard' : null
}

/** Whether the grants allow it; without `$share/<group>/`. */
export const grantsAllow = (grants: Grants, action: AccessRequest['action'], filter: string): boolean =>
  grants[action].some((granted) => containsFilter(granted, filter))

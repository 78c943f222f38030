import { type AnyDeviceType, DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { subscribePatterns } from '@devicehub/core/definition'
import { isValidTopicFilter } from '@devicehub/core/transport'
import type { BrokerSettings } from '../settings/broker-settings.js'
import { brokerOf, isMqttType } from '../settings/type-broker.js'

/** What a session subscribes to. */
export interface Subscriptions {
  readonly filters: readonly string[]
  readonly qos: 0 | 1 | 2
  /** The shared subscriptions that version 0.1 made for every client id. A session the broker keeps may still have them. */
  readonly formerFilters: readonly string[]
}

export const FORMER_GROUP = 'devicehub'

const SHARED = /^\$share\/[^/]*\//

export const isShared = (filter: string): boolean => SHARED.test(filter)

/** What a message's topic is matched with. */
export const withoutGroup = (filter: string): string => filter.replace(SHARED, '')

export const hasShared = ({ filters }: Pick<Subscriptions, 'filters'>): boolean => filters.some(isShared)

/** Null: not a shared subscription. */
export const inGroup = (filter: string, group: string | null): string =>
  group === null ? filter : `$share/${group}/${filter}`

/** The topics of the device types that use this broker. */
export function typeSubscriptions(
  types: readonly AnyDeviceType[],
  prefix: string,
  { name, sharedGroup, qos }: BrokerSettings,
): Subscriptions {
  const ofBroker = types.filter((type) => isMqttType(type) && brokerOf(type) === name)
  const patterns = [...new Set(ofBroker.flatMap((type) => subscribePatterns(type, { prefix })))]
  return {
    filters: patterns.map((filter) => inGroup(filter, sharedGroup)),
    qos,
    formerFilters: patterns.map((filter) => inGroup(filter, FORMER_GROUP)),
  }
}

/** Throws `invalid_topic`. A filter must not contain `$share`: the option `sharedGroup` adds it. */
export function assertFilter(filter: string): void {
  const shared = typeof filter === 'string' && isShared(filter)
  if (isValidTopicFilter(filter) && !shared) return
  const shown = check.showValue(filter)
  const reason = shared ? 'leave out $share, the option sharedGroup adds it' : 'it is malformed'
  throw new DeviceHubError('invalid_topic', `cannot subscribe to ${shown}: ${reason}`, {
    details: { filter: shown },
  })
}

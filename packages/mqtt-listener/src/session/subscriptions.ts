import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AnyDeviceType,
  check,
  createBackoff,
  DeviceHubError,
  isValidTopicFilter,
  subscribePatterns,
} from '@devicehub/core'
import type { Grants, Link } from '../connection/link'
import { LinkError } from '../connection/link-error'
import { brokerOf, isOfMqtt } from '../listener/unserved-types'
import type { BrokerSettings } from '../settings/options'

/** What a session subscribes to. */
export interface Subscriptions {
  readonly filters: readonly string[]
  readonly qos: 0 | 1 | 2
  /** The same in the group that version 0.1 made of a `clientId`: a kept session may still have them. */
  readonly former: readonly string[]
}

export const FORMER_GROUP = 'devicehub'

export const isShared = (filter: string): boolean => SHARE.test(filter)

const SHARE = /^\$share\/[^/]*\//

/** To the topics of the types whose devices use this broker. */
export function typeSubscriptions(
  types: readonly AnyDeviceType[],
  prefix: string,
  { name, sharedGroup, qos }: BrokerSettings,
): Subscriptions {
  const mine = types.filter((type) => isOfMqtt(type) && brokerOf(type) === name)
  const patterns = [...new Set(mine.flatMap((type) => subscribePatterns(type, { prefix })))]
  return {
    filters: patterns.map((filter) => inGroup(filter, sharedGroup)),
    qos,
    former: patterns.map((filter) => inGroup(filter, FORMER_GROUP)),
  }
}

export const inGroup = (filter: string, group: string | null): string =>
  group === null ? filter : `$share/${group}/${filter}`

/** Throws `invalid_topic`. A group is given by the options, not by the filter. */
export function assertFilter(filter: string): void {
  const shared = typeof filter === 'string' && isShared(filter)
  if (isValidTopicFilter(filter) && !shared) return
  const reason = shared ? 'leave out $share, the option sharedGroup adds it' : 'it is malformed'
  throw new DeviceHubError('invalid_topic', `cannot subscribe to ${check.showValue(filter)}: ${reason}`, {
    details: { filter: check.showValue(filter) },
  })
}

/** [MQTT-3.9.3]: 0x80 and above are refusals; QoS otherwise. */
const REFUSED = 0x80
const SHARED_NOT_SUPPORTED = 0x9e

/** Some brokers refuse a SUBSCRIBE with more filters. */
const FILTERS_A_PACKET = 8

export interface SubscribeReport {
  /** Filters the broker refused: asked for again, with growing delays, until it grants them. */
  readonly refused: (error: LinkError) => void
  /** A filter that was granted with a lower QoS than asked for. */
  readonly downgraded: (filter: string, qos: number) => void
}

/**
 * Resolves when the broker has granted every filter. A refusal is tried again on the same connection, so that one
 * filter the broker's rules do not admit leaves the others at work. Rejects when the connection ends.
 */
export async function subscribeAll(
  link: Link,
  grants: Grants,
  { filters, qos }: Subscriptions,
  { reconnect, url }: BrokerSettings,
  report: SubscribeReport,
): Promise<void> {
  if (!grants.sharedSubscriptions && filters.some(isShared)) throw noSharing(url)
  const backoff = createBackoff(reconnect)
  const ended = link.closed.then(() => {
    throw new LinkError('the connection ended before the subscriptions were granted')
  })
  ended.catch(() => {})
  let missing = filters
  while (missing.length > 0) {
    const codes = await Promise.race([ended, request(link, missing, qos)])
    if (codes.includes(SHARED_NOT_SUPPORTED)) throw noSharing(url)
    codes.forEach((code, index) => {
      if (code < qos) report.downgraded(missing[index] as string, code)
    })
    missing = missing.filter((_, index) => (codes[index] as number) >= REFUSED)
    if (missing.length === 0) return
    const named = missing.map((filter) => `"${filter}"`).join(', ')
    report.refused(
      new LinkError(
        `the broker at ${url} refuses to subscribe to ${named}; check what it lets this user read`,
      ),
    )
    await Promise.race([ended, sleep(backoff.next(), undefined, { ref: false })])
  }
}

/** Long enough for a broker to have finished with the CONNECT and the first SUBSCRIBE. */
const ASK_AGAIN_MS = 500

/**
 * Subscribes a second time, a moment after the first, where a group shares the messages. HiveMQ CE 2025.5 gave one in
 * four new members of a group nothing at all, or ten messages and no more, until they connected or subscribed again:
 * its view of a client's shared subscriptions can stay as it was before the first SUBSCRIBE. Asking for what one has
 * replaces it by itself [MQTT-3.8.4-3].
 */
export function askAgain(link: Link, { filters, qos }: Subscriptions): void {
  if (!filters.some(isShared)) return
  setTimeout(() => {
    // The connection has ended meanwhile: the next one subscribes anew.
    request(link, filters, qos).catch(() => {})
  }, ASK_AGAIN_MS).unref()
}

/** One SUBSCRIBE or several; the reason code of each filter. */
export async function request(link: Link, filters: readonly string[], qos: 0 | 1 | 2): Promise<number[]> {
  const packets: (readonly string[])[] = []
  for (let at = 0; at < filters.length; at += FILTERS_A_PACKET)
    packets.push(filters.slice(at, at + FILTERS_A_PACKET))
  const codes = await Promise.all(packets.map((packet) => link.subscribe(packet, qos)))
  return codes.flat()
}

const noSharing = (url: string) =>
  new LinkError(
    `the broker at ${url} has no shared subscriptions: set sharedGroup to false and run one listener`,
    {
      permanent: 'invalid_options',
    },
  )

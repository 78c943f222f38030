import { withTimeout } from '@devicehub-internal/async'
import { ConnectionError } from '../connection/connection-error.js'
import type { Grants } from '../connection/grants.js'
import type { Link } from '../connection/link.js'
import { rejectWhenEnded } from '../connection/link-ended.js'
import { reconnectBackoff } from '../connection/reconnect-backoff.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import type { Inbox } from './inbox.js'
import { hasShared, type Subscriptions } from './subscriptions.js'

/** A SUBACK reason code from here on is a refusal; a lower one is the granted QoS [MQTT-3.9.3]. */
const FIRST_REFUSAL = 0x80
const SHARED_NOT_SUPPORTED = 0x9e

/** Some brokers refuse a SUBSCRIBE with more filters. */
const FILTERS_PER_SUBSCRIBE = 8

export interface SubscribeReport {
  /** The broker has granted some filters. */
  readonly granted: () => void
  /** The broker refuses some filters. They are requested again until it grants them, with growing delays. */
  readonly refused: (error: ConnectionError) => void
  /** The broker grants a filter with a lower QoS than requested. */
  readonly downgraded: (filter: string, qos: number) => void
}

/**
 * Resolves when the broker has granted every filter; rejects when the connection ends. A refused filter is requested again
 * on the same connection, so that the granted ones go on working.
 */
export async function subscribeAll(
  link: Link,
  grants: Grants,
  subscriptions: Subscriptions,
  { reconnect, url }: BrokerSettings,
  report: SubscribeReport,
): Promise<void> {
  const { filters, qos } = subscriptions
  if (!grants.sharedSubscriptions && hasShared(subscriptions)) throw noSharedSubscriptions(url)
  const backoff = reconnectBackoff(reconnect)
  const ended = rejectWhenEnded(link, 'before the subscriptions were granted')
  let missing = filters
  while (missing.length > 0) {
    const codes = await Promise.race([ended, sendSubscribe(link, missing, qos)])
    if (codes.includes(SHARED_NOT_SUPPORTED)) throw noSharedSubscriptions(url)
    if (codes.some((code) => code < FIRST_REFUSAL)) report.granted()
    codes.forEach((code, index) => {
      if (code < qos) report.downgraded(missing[index] as string, code)
    })
    missing = missing.filter((_, index) => (codes[index] as number) >= FIRST_REFUSAL)
    if (missing.length === 0) return
    report.refused(refusedError(url, missing))
    await withTimeout(backoff.next(), ended, () => {})
  }
}

/** Sends one SUBSCRIBE or several. Resolves with the reason code of each filter. */
async function sendSubscribe(
  link: Link,
  filters: readonly string[],
  qos: 0 | 1 | 2,
): Promise<readonly number[]> {
  const packets: (readonly string[])[] = []
  for (let at = 0; at < filters.length; at += FILTERS_PER_SUBSCRIBE)
    packets.push(filters.slice(at, at + FILTERS_PER_SUBSCRIBE))
  const codes = await Promise.all(packets.map((packet) => link.subscribe(packet, qos)))
  return codes.flat()
}

/** Replaces each subscription by itself [MQTT-3.8.4-3]. When the connection ends meanwhile, the next one subscribes anew. */
function subscribeOnceMore(link: Link, { filters, qos }: Subscriptions): void {
  sendSubscribe(link, filters, qos).catch(() => {})
}

/** By then a broker has processed the CONNECT and the first SUBSCRIBE. */
const SUBSCRIBE_AGAIN_MS = 500

/**
 * Repeats shared subscriptions shortly after the first SUBSCRIBE. HiveMQ CE 2025.5 gave one in four new members of a group
 * no messages, or only ten, until they subscribed or connected again.
 */
export function subscribeAgain(link: Link, subscriptions: Subscriptions): void {
  if (!hasShared(subscriptions)) return
  setTimeout(() => subscribeOnceMore(link, subscriptions), SUBSCRIBE_AGAIN_MS).unref()
}

/** Seconds; for a session without keep-alive. */
const DEFAULT_KEEPALIVE = 60

interface IdleGroupOptions {
  readonly link: Link
  readonly inbox: Inbox
  readonly subscriptions: Subscriptions
  /** Seconds. */
  readonly keepalive: number
  /** Whether the link is connected and subscribed. */
  readonly isReady: () => boolean
}

/**
 * Repeats shared subscriptions whenever no message has arrived for a keep-alive interval. When a member with
 * unacknowledged messages leaves a group, HiveMQ CE 2025.5 may deliver the messages queued for the group to nobody until
 * some member subscribes (measured). At other brokers this has no effect.
 */
export function resubscribeIdleGroup(options: IdleGroupOptions): void {
  const { link, inbox, subscriptions, keepalive, isReady } = options
  if (!hasShared(subscriptions)) return
  let takenBefore = inbox.taken
  const timer = setInterval(
    () => {
      const idle = inbox.taken === takenBefore && inbox.size === 0
      takenBefore = inbox.taken
      if (idle && isReady()) subscribeOnceMore(link, subscriptions)
    },
    (keepalive || DEFAULT_KEEPALIVE) * 1000,
  )
  void link.closed.then(() => clearInterval(timer))
}

function refusedError(url: string, filters: readonly string[]): ConnectionError {
  const named = filters.map((filter) => `"${filter}"`).join(', ')
  return new ConnectionError(
    `the broker at ${url} refuses to subscribe to ${named}; check which topics its access rules let this user read`,
  )
}

const noSharedSubscriptions = (url: string) =>
  new ConnectionError(
    `the broker at ${url} has no shared subscriptions: set sharedGroup to false and run one listener`,
    { permanentCode: 'invalid_options' },
  )

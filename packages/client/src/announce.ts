import { type AnyDeviceType, DeviceHubError, type deviceTopics } from '@devicehub/core/definition'
import { errorLine, isSlowDown, reasonName, reasonOf } from '@devicehub/core/transport'
import type { BrokerConnection } from './broker-connection.js'

export interface Subscription {
  /** What the subscription is for; an error says `no commands`. */
  readonly what: string
  readonly filter: string
  readonly qos: 0 | 1
}

/** The subscriptions of a device of this type; without a type, all of them. */
export function subscriptionsOf(
  type: AnyDeviceType | null,
  topics: Pick<ReturnType<typeof deviceTopics>, 'cmd' | 'desired'>,
): readonly Subscription[] {
  const has = (part: object | undefined) => part === undefined || Object.keys(part).length > 0
  return [
    ...(has(type?.commands) ? [{ what: 'commands', filter: topics.cmd, qos: 1 } as const] : []),
    // At QoS 0 the broker queues none of it: after an absence the device gets the newest document, which is retained, and not each that it missed.
    ...(has(type?.state) ? [{ what: 'desired state', filter: topics.desired, qos: 0 } as const] : []),
  ]
}

export interface Announcement {
  readonly subscriptions: readonly Subscription[]
  readonly topic: string
  readonly status: Uint8Array
  readonly onError: (error: DeviceHubError) => void
  /** What the broker has to confirm next. */
  readonly onStep: (what: string) => void
}

/** On each new connection, before anything else is sent: subscribes, then publishes the status. */
export async function announce(connection: BrokerConnection, announcement: Announcement): Promise<void> {
  const { subscriptions, topic, status, onError, onStep } = announcement
  // A device that may not subscribe can still publish: the failure is reported, and the connection is used.
  const subscribe = ({ what, filter, qos }: Subscription) =>
    connection.subscribe(filter, qos).catch((cause: unknown) => {
      const message = `no ${what}: the subscription to ${filter} failed: ${errorLine(cause)}`
      onError(new DeviceHubError('transport_unavailable', message, { cause }))
    })
  onStep(`the subscriptions to ${subscriptions.map(({ filter }) => filter).join(' and ')} (SUBACK)`)
  await Promise.all(subscriptions.map(subscribe))
  onStep(`the device's status on ${topic} (PUBACK)`)
  try {
    await connection.publish(topic, status, { again: false })
  } catch (cause) {
    const reasonCode = reasonOf(cause)
    if (reasonCode === null || isSlowDown(reasonCode)) throw cause
    const message = `the broker refused the device's status on ${topic}: ${reasonName(reasonCode)}; may it publish there?`
    throw new DeviceHubError('connection_refused', message, { details: { reasonCode }, cause })
  }
}

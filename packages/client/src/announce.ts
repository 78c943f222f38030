import { DeviceHubError } from '@devicehub/core/definition'
import { errorLine, isSlowDown, reasonName, reasonOf } from '@devicehub/core/transport'
import type { BrokerConnection } from './broker-connection.js'

export interface Subscription {
  /** What it is for: `no commands` is what an error says. */
  readonly what: string
  readonly filter: string
  readonly qos: 0 | 1
}

export interface Announcement {
  readonly subscriptions: readonly Subscription[]
  readonly topic: string
  readonly status: Uint8Array
  readonly onError: (error: DeviceHubError) => void
}

/** What is done on each new connection before anything else is sent: listen, then say that the device is there. */
export async function announce(connection: BrokerConnection, announcement: Announcement): Promise<void> {
  const { subscriptions, topic, status, onError } = announcement
  // A device that may not listen can still send: it is reported, and the rest goes on.
  const subscribe = ({ what, filter, qos }: Subscription) =>
    connection.subscribe(filter, qos).catch((cause: unknown) => {
      const message = `no ${what}: the subscription to ${filter} failed: ${errorLine(cause)}`
      onError(new DeviceHubError('transport_unavailable', message, { cause }))
    })
  await Promise.all(subscriptions.map(subscribe))
  try {
    await connection.publish(topic, status, { again: false })
  } catch (cause) {
    const reasonCode = reasonOf(cause)
    if (reasonCode === null || isSlowDown(reasonCode)) throw cause
    const message = `the broker refused the device's status on ${topic}: ${reasonName(reasonCode)}; may it publish there?`
    throw new DeviceHubError('connection_refused', message, { details: { reasonCode }, cause })
  }
}

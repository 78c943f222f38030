import { DeviceHubError } from '@devicehub/core'
import { describeEnd } from '../connection/keep-connected.js'
import type { LinkEnd } from '../connection/link.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import type { QueuedPublication } from './publish-queue.js'

type Broker = Pick<BrokerSettings, 'name' | 'url' | 'publishTimeout'>

export const refusedError = ({ name, url }: Broker, { topic }: QueuedPublication, reason: string) =>
  new DeviceHubError('publish_failed', `the broker at ${url} refused the message to ${topic}: ${reason}`, {
    details: { topic, broker: name },
  })

export const interruptedError = ({ url }: Broker, entry: QueuedPublication, end: LinkEnd) =>
  new DeviceHubError(
    'transport_unavailable',
    `the connection to ${url} ended before the message to ${entry.topic} was acknowledged (${describeEnd(end)}); the broker may or may not have received it`,
    { details: { topic: entry.topic, outcome: 'unknown', attempts: entry.attempts }, cause: end.error },
  )

export function timeoutError(
  { url, publishTimeout }: Broker,
  { topic, attempts }: QueuedPublication,
  cause: Error | null,
) {
  const wasSent = attempts > 0
  return new DeviceHubError(
    'transport_unavailable',
    `the message to ${topic} was not ${wasSent ? 'acknowledged by' : 'sent to'} the broker at ${url} within ${publishTimeout} ms`,
    { details: { topic, outcome: wasSent ? 'unknown' : 'not sent' }, cause: cause ?? undefined },
  )
}

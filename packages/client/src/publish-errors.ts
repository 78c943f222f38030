import { DeviceHubError } from '@devicehub/core/definition'
import { reasonName } from '@devicehub/core/transport'

export const queueFull = (queued: number, queuedBytes: number): DeviceHubError =>
  new DeviceHubError(
    'queue_full',
    `${queued} publications (${queuedBytes} bytes) wait already: await record() or room() before the next, or raise maxQueued and maxQueuedBytes`,
    { details: { queued, queuedBytes } },
  )

export function refusedByBroker(topic: string, reasonCode: number | null, cause: unknown): DeviceHubError {
  const why = reasonCode === null ? String(cause) : reasonName(reasonCode)
  const message = `the broker refused a publication to ${topic}: ${why}`
  return new DeviceHubError('publish_failed', message, { details: { topic, reasonCode }, cause })
}

export const tooLarge = (topic: string, size: number, largest: number): DeviceHubError =>
  new DeviceHubError(
    'publish_failed',
    `a publication to ${topic} has ${size} bytes; the broker takes ${largest} (Maximum Packet Size)`,
    { details: { topic, size, largest } },
  )

export const givenUp = (topic: string, losses: number): DeviceHubError =>
  new DeviceHubError(
    'publish_failed',
    `a publication to ${topic} was given up: ${losses} times the connection was lost while it alone was unconfirmed. ` +
      'Perhaps the broker closes the connection because the device may not publish there, or the message is too large',
    { details: { topic, losses } },
  )

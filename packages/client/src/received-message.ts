import type { Channel, DecodeContext } from '@devicehub/core/definition'

/** A message to the device, as it came from the broker. */
export interface ReceivedMessage {
  readonly topic: string
  readonly deviceId: string
  readonly receivedAt: Date
  readonly payload: Uint8Array
  readonly contentType?: string | undefined
}

/** What a codec is told of it. */
export const contextOf = (
  { topic, deviceId, receivedAt, contentType }: ReceivedMessage,
  channel: Channel,
): DecodeContext => ({ channel, topic, deviceId, receivedAt, contentType })

import { jsonCodec } from '../model/codec/json.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Channel } from '../model/topic/index.js'
import type { OutboundMessage } from '../ports/transport.js'
import type { PlannedMessage } from './planned-message.js'

export interface OwnMessage {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly channel: Channel
  /** Sent to the device, or decided by the hub. */
  readonly direction: 'out' | 'hub'
  readonly source: string
  readonly message: OutboundMessage
  readonly now: number
}

/** A row of the log that does not come from a device. It takes the way of the device's messages, in order with them. */
export function ownMessage({
  type,
  deviceId,
  channel,
  direction,
  source,
  message,
  now,
}: OwnMessage): Omit<PlannedMessage, 'settle'> {
  const { topic, payload, qos = 0, retain = false, contentType, correlationId } = message
  const isText = typeof payload === 'string' || contentType === jsonCodec.contentType
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
  return {
    direction,
    inbound: {
      topic,
      payload: bytes,
      source,
      qos: direction === 'out' ? qos : 0,
      retained: retain,
      contentType,
      correlationId,
    },
    receivedAt: now,
    type,
    deviceId,
    channel,
    payloadJson: isText && bytes.byteLength > 0 ? Buffer.from(bytes).toString('utf8') : null,
    payloadRaw: isText || bytes.byteLength === 0 ? null : bytes,
    samples: [],
    news: null,
    at: now,
    claimedAt: null,
    flags: null,
    partial: null,
    replayOf: undefined,
    session: null,
    reply: null,
    report: null,
    command: null,
    desired: null,
    refusal: null,
    known: null,
    touch: null,
    change: null,
    settled: false,
  }
}

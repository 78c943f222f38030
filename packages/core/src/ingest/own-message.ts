import { jsonCodec } from '../model/codec/json.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Channel } from '../model/topic/index.js'
import type { OutboundMessage } from '../ports/transport.js'
import type { Settle } from './ingest.js'
import { NO_CONTENT, type OwnNews, type TakenMessage } from './taken-message.js'

/** A row of the log that does not come from a device. It takes the way of the device's messages, in order with them. */
export interface OwnMessage extends Partial<OwnNews> {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly channel: Channel
  /** Sent to the device, or decided by the hub. */
  readonly direction: 'out' | 'hub'
  readonly source: string
  readonly message: OutboundMessage
  readonly now: number
}

export function takeOwn(own: OwnMessage, settle: Settle): TakenMessage {
  const { type, deviceId, channel, direction, source, now } = own
  const { topic, payload, qos = 0, retain = false, contentType, correlationId } = own.message
  const isText = typeof payload === 'string' || contentType === jsonCodec.contentType
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
  return {
    direction,
    envelope: {
      topic,
      payload: bytes,
      source,
      qos: direction === 'out' ? qos : 0,
      retained: retain,
      contentType,
      correlationId,
    },
    settle,
    receivedAt: now,
    isLive: false,
    type,
    deviceId,
    channel,
    payloadJson: isText && bytes.byteLength > 0 ? Buffer.from(bytes).toString('utf8') : null,
    payloadRaw: isText || bytes.byteLength === 0 ? null : bytes,
    content: NO_CONTENT,
    flags: null,
    refusal: null,
    replayOf: undefined,
    own: {
      at: own.at ?? now,
      session: own.session ?? null,
      command: own.command ?? null,
      desired: own.desired ?? null,
    },
  }
}

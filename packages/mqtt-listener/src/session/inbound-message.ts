import type { InboundMessage } from '@devicehub/core'
import type { LeaseFence } from '@devicehub/core/storage'
import type { PublishPacket } from '../connection/publish-packet.js'

/** The PUBLISH in the form the hub takes. The properties of MQTT 5 are there if the sender has set them. */
export function toInboundMessage(
  packet: PublishPacket,
  qos: 0 | 1 | 2,
  source: string,
  /** Epoch milliseconds. */
  receivedAt: number,
  fence?: LeaseFence,
): InboundMessage {
  const { topic, payload, properties } = packet
  return {
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    source,
    receivedAt: new Date(receivedAt),
    qos,
    redelivered: packet.dup,
    retained: packet.retain,
    contentType: properties?.contentType,
    correlationId: properties?.correlationData?.toString('utf8'),
    userProperties: properties?.userProperties,
    fence,
  }
}

import type { InboundMessage, LeaseFence } from '@devicehub/core'
import type { PublishPacket } from '../connection/link'

/** A PUBLISH as the hub takes it; what MQTT 5 adds is there if the sender gave it. */
export function toInboundMessage(
  packet: PublishPacket,
  qos: 0 | 1 | 2,
  source: string,
  receivedAt: number,
  fence?: LeaseFence,
): InboundMessage {
  const { topic, payload, properties } = packet
  return {
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    source,
    receivedAt,
    qos,
    redelivered: packet.dup,
    retained: packet.retain,
    contentType: properties?.contentType,
    correlationId: properties?.correlationData?.toString('utf8'),
    userProperties: properties?.userProperties,
    fence,
  }
}

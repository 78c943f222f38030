import { DeviceHubError } from '@devicehub/core'
import { generate, type IPublishPacket } from 'mqtt-packet'

export interface LedgerMessage {
  /** Names the message in the ledger; without line breaks. */
  readonly key: string
  readonly topic: string
  readonly payload: string | Buffer
  readonly retain?: boolean
  readonly properties?: NonNullable<IPublishPacket['properties']>
}

/** The bytes of its first PUBLISH at QoS 1. */
export function encodeMessage(message: LedgerMessage, messageId: number, protocolVersion: 4 | 5): Buffer {
  const { key, topic, payload, retain = false, properties } = message
  if (key.includes('\n'))
    throw new DeviceHubError(
      'invalid_options',
      `the key ${JSON.stringify(key)} has a line break: use another`,
    )
  const packet: IPublishPacket = { cmd: 'publish', qos: 1, dup: false, retain, topic, payload, messageId }
  return generate(properties === undefined ? packet : { ...packet, properties }, { protocolVersion })
}

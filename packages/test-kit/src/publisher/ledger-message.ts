import { DeviceHubError } from '@devicehub/core'
import { generate, type IPublishPacket } from 'mqtt-packet'

/** A message that a ledger publisher publishes at QoS 1. */
export interface LedgerMessage {
  /** Identifies the message in the ledger. `invalid_options` when it has a line break. */
  readonly key: string
  /** The topic name. */
  readonly topic: string
  /** Text is sent as UTF-8. */
  readonly payload: string | Buffer
  /** The RETAIN flag. Default false. */
  readonly retain?: boolean
  /** MQTT 5 properties. */
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

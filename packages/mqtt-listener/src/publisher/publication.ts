import { DeviceHubError, isValidTopic, type OutboundMessage } from '@devicehub/core'
import type { Grants, PublishOptions } from '../connection/link'
import { acceptMessage } from '../settings/option-rules'

/** A message as it goes to mqtt.js, checked: what cannot be encoded would cost the connection. */
export interface Publication {
  readonly topic: string
  readonly payload: Buffer
  readonly options: PublishOptions
  /** Bytes on the wire, rounded up. */
  readonly size: number
}

/** [MQTT-1.5.4]: strings and binary data have a length of 16 bits. */
const MAX_FIELD = 65_535
/** The largest packet of the protocol. */
const MAX_PACKET = 268_435_455
/** Fixed header, packet id, and the identifiers and lengths of the properties. */
const OVERHEAD = 64

/** Throws `invalid_topic` or `invalid_options`. MQTT 3.1.1 carries topic and payload only. */
export function toPublication(given: OutboundMessage, protocolVersion: 4 | 5): Publication {
  const message = acceptMessage(given)
  const { topic, qos = 1, retain = false } = message
  if (!isValidTopic(topic))
    throw new DeviceHubError(
      'invalid_topic',
      `cannot publish to ${JSON.stringify(topic)}: it is empty, too long, or holds +, # or NUL`,
      {
        details: { topic },
      },
    )
  // A copy: the caller's bytes may change while the message waits.
  const payload = Buffer.from(message.payload as Uint8Array)
  const properties = protocolVersion === 5 ? propertiesOf(message) : undefined
  const size = OVERHEAD + Buffer.byteLength(topic) + payload.length + bytesOf(message)
  if (size > MAX_PACKET)
    throw new DeviceHubError(
      'invalid_options',
      `a message of ${size} bytes is too large for MQTT (publishing to ${topic})`,
    )
  return { topic, payload, options: { qos, retain, properties }, size }
}

/** Why this broker would not take it, though another may; null if it would. */
export function refusalBy(grants: Grants, { size, options }: Publication): string | null {
  if (size > grants.maximumPacketSize)
    return `it has up to ${size} bytes and the broker takes ${grants.maximumPacketSize}`
  if (options.qos > grants.maximumQos) return `the broker takes at most QoS ${grants.maximumQos}`
  if (options.retain && !grants.retain) return 'the broker keeps no retained messages'
  return null
}

function propertiesOf(message: OutboundMessage): PublishOptions['properties'] {
  const { contentType, correlationId, responseTopic, userProperties, expiresIn, topic } = message
  for (const text of [contentType, correlationId, responseTopic]) assertText(text, topic)
  for (const [name, value] of Object.entries(userProperties ?? {})) {
    assertText(name, topic)
    for (const text of [value].flat()) assertText(text, topic)
  }
  if (responseTopic !== undefined && !isValidTopic(responseTopic))
    throw new DeviceHubError(
      'invalid_topic',
      `the response topic ${JSON.stringify(responseTopic)} is no topic`,
    )
  return {
    ...(contentType !== undefined && { contentType }),
    ...(correlationId !== undefined && { correlationData: Buffer.from(correlationId) }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(userProperties !== undefined && { userProperties: mutable(userProperties) }),
    // Rounded up: a message must not vanish before its time.
    ...(expiresIn !== undefined && { messageExpiryInterval: Math.ceil(expiresIn) }),
  }
}

const mutable = (properties: NonNullable<OutboundMessage['userProperties']>) =>
  Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  )

function assertText(text: unknown, topic: string): void {
  if (text === undefined) return
  if (typeof text === 'string' && !text.includes('\0') && Buffer.byteLength(text) <= MAX_FIELD) return
  throw new DeviceHubError(
    'invalid_options',
    `content type, correlation id, response topic and user properties are texts of at most ${MAX_FIELD} bytes without NUL (publishing to ${topic})`,
  )
}

function bytesOf({
  contentType = '',
  correlationId = '',
  responseTopic = '',
  userProperties = {},
}: OutboundMessage): number {
  let bytes =
    Buffer.byteLength(contentType) + Buffer.byteLength(correlationId) + Buffer.byteLength(responseTopic)
  for (const [name, value] of Object.entries(userProperties)) {
    for (const text of [value].flat()) bytes += 5 + Buffer.byteLength(name) + Buffer.byteLength(text)
  }
  return bytes
}

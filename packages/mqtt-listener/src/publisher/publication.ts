import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { isValidTopic, type OutboundMessage } from '@devicehub/core/transport'
import type { Grants } from '../connection/grants.js'
import type { PublishOptions } from '../connection/link.js'

/** A message in the form mqtt.js takes. It is checked first: mqtt.js ends the connection when it cannot encode one. */
export interface Publication {
  readonly topic: string
  readonly payload: Buffer
  readonly options: PublishOptions
  /** The largest number of bytes the PUBLISH packet can have. */
  readonly size: number
}

/** Bytes of a string or of binary data [MQTT-1.5.4]. */
const MAX_FIELD = 65_535
/** Bytes of an MQTT packet. */
const MAX_PACKET = 268_435_455
/** Bytes for the fixed header, the packet id, and the identifiers and lengths of the properties. */
const OVERHEAD = 64

/** Throws `invalid_topic` or `invalid_options`. MQTT 3.1.1 has no properties: the message goes without them. */
export function toPublication(given: OutboundMessage, protocolVersion: 4 | 5): Publication {
  const message = check.accept('listener.publish', 'message', check.outboundMessage, given)
  const { topic, qos = 1, retain = false } = message
  if (!isValidTopic(topic))
    throw new DeviceHubError(
      'invalid_topic',
      `cannot publish to ${JSON.stringify(topic)}: a topic must not be empty, too long, or contain +, # or NUL`,
      {
        details: { topic },
      },
    )
  // A copy: the caller may change its bytes while the message waits.
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

/** Which limit of this broker the message exceeds; null if none. */
export function refusalBy(grants: Grants, { size, options }: Publication): string | null {
  if (size > grants.maximumPacketSize)
    return `it may have ${size} bytes, and the broker accepts at most ${grants.maximumPacketSize}`
  if (options.qos > grants.maximumQos) return `the broker accepts at most QoS ${grants.maximumQos}`
  if (options.retain && !grants.retain) return 'the broker keeps no retained messages'
  return null
}

function propertiesOf(message: check.CheckedOutbound): PublishOptions['properties'] {
  const { contentType, correlationId, responseTopic, userProperties, expiresIn, topic } = message
  for (const text of [contentType, correlationId, responseTopic]) assertText(text, topic)
  for (const [name, value] of Object.entries(userProperties ?? {})) {
    assertText(name, topic)
    for (const text of [value].flat()) assertText(text, topic)
  }
  if (responseTopic !== undefined && !isValidTopic(responseTopic))
    throw new DeviceHubError(
      'invalid_topic',
      `the response topic ${JSON.stringify(responseTopic)} is not a valid topic`,
    )
  return {
    ...(contentType !== undefined && { contentType }),
    ...(correlationId !== undefined && { correlationData: Buffer.from(correlationId) }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(userProperties !== undefined && { userProperties: mutable(userProperties) }),
    // In whole seconds, rounded up: a message must not expire too early.
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
    `content type, correlation id, response topic and user properties must be strings of at most ${MAX_FIELD} bytes without NUL (publishing to ${topic})`,
  )
}

function bytesOf({
  contentType = '',
  correlationId = '',
  responseTopic = '',
  userProperties = {},
}: check.CheckedOutbound): number {
  let bytes =
    Buffer.byteLength(contentType) + Buffer.byteLength(correlationId) + Buffer.byteLength(responseTopic)
  for (const [name, value] of Object.entries(userProperties)) {
    for (const text of [value].flat()) bytes += 5 + Buffer.byteLength(name) + Buffer.byteLength(text)
  }
  return bytes
}

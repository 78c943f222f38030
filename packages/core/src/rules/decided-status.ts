import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { NewMessage } from '../model/message.js'
import { topicOf } from '../model/topic/build-topic.js'
import { isValidDeviceId } from '../model/topic/device-id.js'

export interface DecidedStatus {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly topicPrefix: string
  /** Who decided: `presence`, `devices`. */
  readonly source: string
  /** What was decided and why; it becomes the JSON of the row. */
  readonly payload: Readonly<Record<string, unknown>>
  /** Epoch milliseconds. */
  readonly now: number
}

/** The audit row of a status that the hub itself decided, in the place of one that the device would have sent. */
export function decidedStatus({
  type,
  deviceId,
  topicPrefix: prefix,
  source,
  payload,
  now,
}: DecidedStatus): NewMessage {
  // A row that was written beside the hub may have an id that no topic can hold.
  const deviceIdMaxLength = Number.POSITIVE_INFINITY
  const isReadable = isValidDeviceId(deviceId, deviceIdMaxLength)
  return {
    deviceId,
    channel: 'status',
    direction: 'hub',
    topic: isReadable ? topicOf(type, deviceId, 'status', { prefix, deviceIdMaxLength }) : '',
    payloadJson: JSON.stringify(payload),
    payloadRaw: null,
    contentType: 'application/json',
    correlationId: null,
    userProperties: null,
    source,
    qos: 0,
    redelivered: false,
    retained: false,
    status: 'processed',
    code: null,
    reason: null,
    flags: null,
    receivedAt: now,
    processedAt: now,
  }
}

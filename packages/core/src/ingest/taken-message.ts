import type { Reply } from '../model/codec/parse-reply.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { MessageDirection, MessageRef } from '../model/message.js'
import type { DeviceStatus } from '../model/statuses.js'
import type { Channel } from '../model/topic/index.js'
import type { CommandChange } from '../ports/commands.js'
import type { NewSample } from '../ports/storage.js'
import type { InboundMessage } from '../ports/transport.js'
import type { DesiredPublished, StateReport } from '../ports/twins.js'
import type { Refusal, Settle } from './ingest.js'
import type { MessageRefusal } from './refusal.js'

/** What a message says of its device besides samples. */
export interface News {
  readonly status?: DeviceStatus
  readonly batteryLevel?: number
  readonly firmwareVersion?: string
}

/** What a decoded payload says, by the step of its channel. */
export interface Content {
  readonly samples: readonly NewSample[]
  /** Milliseconds that the times of samples may be ahead of the hub; absent: there are no samples. */
  readonly ahead?: number
  readonly news: News | null
  readonly flags: string | null
  /** Stored all the same, but not all of it. */
  readonly partial: Refusal | null
  /** The device's own time of its news, as far as it orders them among themselves; absent or null: by arrival. */
  readonly claimedAt?: number | null
  /** Of a `response`: what it does to its command is decided once the command is known. */
  readonly reply?: Reply
  readonly report?: StateReport
}

/** What a broker told of a device's connection. */
export interface SessionNews {
  readonly event: 'connected' | 'disconnected'
  /** When the connection began, epoch milliseconds; null: the broker does not say. */
  readonly startedAt: number | null
  /** Why it ended. */
  readonly reason: string
}

/** What the hub itself says by a message that does not come from a device. */
export interface OwnNews {
  /** When it happened, by the hub's clock or the broker's. */
  readonly at: number
  /** Its row is written with the change of the device, and only when the status is another then: it makes no entry. */
  readonly session: SessionNews | null
  readonly command: CommandChange | null
  readonly desired: DesiredPublished | null
}

/** Payload, topic and what else travels with a message, whichever way it goes. */
export type Envelope = Omit<InboundMessage, 'receivedAt'>

/**
 * A message that was taken in, as far as it can be known without the database. What the hub sent or decided itself takes
 * the same way as what came in: in order with it, device by device.
 */
export interface TakenMessage {
  readonly direction: MessageDirection
  readonly envelope: Envelope
  readonly settle: Settle
  readonly receivedAt: number
  /** Sent by its device just now: later than all that is stored of it, whatever the clocks say. */
  readonly isLive: boolean
  readonly type: AnyDeviceType | null
  readonly deviceId: string | null
  readonly channel: Channel | null
  readonly payloadJson: string | null
  readonly payloadRaw: Uint8Array | null
  readonly content: Content
  /** Those of the content, of its envelope and of its topic handler. */
  readonly flags: string | null
  readonly refusal: MessageRefusal | null
  readonly replayOf: MessageRef | undefined
  /** Null: it came in. */
  readonly own: OwnNews | null
}

export const NO_CONTENT: Content = Object.freeze({
  samples: Object.freeze([]) as readonly NewSample[],
  news: null,
  flags: null,
  partial: null,
})

/** Whether its sender says that it was sent before, or may have been. */
export const comesAgain = ({ envelope, replayOf }: TakenMessage): boolean =>
  envelope.redelivered === true || envelope.retained === true || replayOf !== undefined

import type { Channel } from './topic/channel.js'

export const MESSAGE_STATUSES = ['processed', 'duplicate', 'rejected', 'quarantined', 'replayed'] as const

export type MessageStatus = (typeof MESSAGE_STATUSES)[number]

/** Inbound from a device, sent to one, or decided by the hub itself. */
export type MessageDirection = 'in' | 'out' | 'hub'

export interface NewMessage {
  readonly deviceId: string | null
  readonly channel: Channel | null
  readonly direction: MessageDirection
  readonly topic: string
  /** The payload when it is valid JSON text; exactly one of the two is set, both are null for an empty payload. */
  readonly payloadJson: string | null
  readonly payloadRaw: Uint8Array | null
  readonly contentType: string | null
  readonly correlationId: string | null
  /** JSON text. */
  readonly userProperties: string | null
  readonly source: string
  readonly qos: 0 | 1 | 2
  readonly redelivered: boolean
  readonly retained: boolean
  readonly status: MessageStatus
  /** Why it was rejected or quarantined, or not stored in full: a code and a sentence. Of a duplicate the sentence alone. */
  readonly code: string | null
  readonly reason: string | null
  /** Space-separated, e.g. `out_of_range:temperature clock_skew`. */
  readonly flags: string | null
  readonly receivedAt: number
  readonly processedAt: number
}

export interface MessageRef {
  /** Key of the type whose table holds it; null for `devicehub_message`. */
  readonly typeKey: string | null
  readonly id: string
}

export interface StoredMessage extends NewMessage {
  readonly id: string
  /** Null for `devicehub_message`. */
  readonly typeKey: string | null
}

/** The audit row of a message, as `hub.messages.get` gives it. */
export interface MessageRecord extends Omit<StoredMessage, 'id'> {
  /** With `typeKey` the reference for `hub.messages.get`. Null when the database's answer was lost on the way. */
  readonly id: string | null
}

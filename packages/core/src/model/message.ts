import type { Channel } from './topic/channel.js'

/** What becomes of a message; `replayed`: refused at first, then put through ingest again. */
export const MESSAGE_STATUSES = ['processed', 'duplicate', 'rejected', 'quarantined', 'replayed'] as const

/** What became of a message: one of `MESSAGE_STATUSES`. */
export type MessageStatus = (typeof MESSAGE_STATUSES)[number]

/** Inbound from a device, sent to one, or decided by the hub itself. */
export type MessageDirection = 'in' | 'out' | 'hub'

/** The audit row of a message, before it is stored. Times are epoch milliseconds. */
export interface NewMessage {
  /** Null: the topic names none. */
  readonly deviceId: string | null
  /** Null: the topic names none. */
  readonly channel: Channel | null
  /** Who sent it. */
  readonly direction: MessageDirection
  /** As received or published. */
  readonly topic: string
  /** The payload when it is valid JSON text; exactly one of the two is set, both are null for an empty payload. */
  readonly payloadJson: string | null
  /** The payload when it is no JSON text. */
  readonly payloadRaw: Uint8Array | null
  /** As its sender says; null: it does not. */
  readonly contentType: string | null
  /** As its sender says; null: it does not. */
  readonly correlationId: string | null
  /** JSON text. */
  readonly userProperties: string | null
  /** Who brought it: `mqtt:default`, `http`, `devices`. */
  readonly source: string
  /** Quality of service. */
  readonly qos: 0 | 1 | 2
  /** The broker marked it as sent before (DUP). */
  readonly redelivered: boolean
  /** The broker had kept it. */
  readonly retained: boolean
  /** What became of it. */
  readonly status: MessageStatus
  /** Why it was rejected or quarantined, or not stored in full: a code and a sentence. Of a duplicate the sentence alone. */
  readonly code: string | null
  /** The sentence to the code; null: nothing was refused. */
  readonly reason: string | null
  /** Space-separated, e.g. `out_of_range:temperature clock_skew`. */
  readonly flags: string | null
  /** When the hub received or published it. */
  readonly receivedAt: number
  /** When it was decided what becomes of it. */
  readonly processedAt: number
}

/** Which audit row. */
export interface MessageRef {
  /** Key of the type whose table holds it; null for `devicehub_message`. */
  readonly typeKey: string | null
  /** Unique within its table. */
  readonly id: string
}

/** The audit row of a message, as a storage keeps it. Times are epoch milliseconds. */
export interface StoredMessage extends NewMessage {
  /** Unique within its table. */
  readonly id: string
  /** Null for `devicehub_message`. */
  readonly typeKey: string | null
}

/** The audit row of a message, as `hub.messages` and consumers give it. */
export interface MessageInfo extends Omit<StoredMessage, 'receivedAt' | 'processedAt'> {
  /** When the hub received or published it. */
  readonly receivedAt: Date
  /** When it was decided what becomes of it. */
  readonly processedAt: Date
}

/** The audit row of a message, as hooks and signals give it. */
export interface MessageRecord extends Omit<MessageInfo, 'id'> {
  /** With `typeKey` the reference for `hub.messages.get`. Null when the database's answer was lost on the way. */
  readonly id: string | null
}

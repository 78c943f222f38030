import type { Channel } from '../topic/channel.js'

/**
 * Turns payload bytes into the same values that JSON would give, and back.
 * `decode` throws on bytes it cannot read: the message is then rejected with the error's message as the reason.
 */
export interface Codec {
  readonly name: string
  readonly contentType: string
  /** For the channel `data` a flat object, `{readings: [...]}` or an array of flat objects (a backfill). */
  decode(payload: Uint8Array, context: DecodeContext): unknown
  encode(value: unknown, context: CodecContext): Uint8Array
}

export interface CodecContext {
  readonly channel: Channel
  readonly contentType?: string | undefined
}

/** Of the message itself, also when it is read again later: by a replay, or by a durable consumer. */
export interface DecodeContext extends CodecContext {
  readonly topic: string
  readonly deviceId: string
  /** When the message came in: what a relative time is relative to. */
  readonly receivedAt: Date
}

import type { Channel } from '../topic/channel.js'

/**
 * Turns payload bytes into the same values that JSON would give, and back.
 * `decode` throws on bytes it cannot read: the message is then rejected with the error's message as the reason.
 */
export interface Codec {
  /** For error messages: `json`, `cbor`. */
  readonly name: string
  /** Of what it writes, such as `application/json`. */
  readonly contentType: string
  /** For the channel `data` a flat object, `{readings: [...]}` or an array of flat objects (a backfill). */
  decode(payload: Uint8Array, context: DecodeContext): unknown
  /** The bytes of a value, for commands and desired state. */
  encode(value: unknown, context: CodecContext): Uint8Array
}

/** What a codec may look at beside the payload. */
export interface CodecContext {
  /** The channel of the message. */
  readonly channel: Channel
  /** As the sender says; MQTT 5 or HTTP. */
  readonly contentType?: string | undefined
}

/** Of the message itself, also when it is read again later: by a replay, or by a durable consumer. */
export interface DecodeContext extends CodecContext {
  /** As received. */
  readonly topic: string
  /** The device that the topic names. */
  readonly deviceId: string
  /** When the message came in: what a relative time is relative to. */
  readonly receivedAt: Date
}

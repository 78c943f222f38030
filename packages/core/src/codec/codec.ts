import type { Channel } from '../topic.js'

/**
 * Turns payload bytes into the same values that JSON would give, and back.
 * `decode` throws on bytes it cannot read: the message is then rejected with the error's message as the reason.
 */
export interface Codec {
  readonly name: string
  readonly contentType: string
  /** For the channel `data` a flat object, `{readings: [...]}` or an array of flat objects (a backfill). */
  decode(payload: Uint8Array, context: CodecContext): unknown
  encode(value: unknown, context: CodecContext): Uint8Array
}

export interface CodecContext {
  readonly channel: Channel
  readonly contentType?: string | undefined
}

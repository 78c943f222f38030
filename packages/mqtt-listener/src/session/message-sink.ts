import type { InboundMessage } from '@devicehub/core'
import type { Settle } from '@devicehub/core/transport'

/** Takes the messages of a session: the hub's ingest, or a topic handler. */
export interface MessageSink {
  /**
   * `settle` is called once for each message, in any order. False: the message was accepted, but the next one must wait
   * for `drained()`.
   */
  push(message: InboundMessage, settle: Settle): boolean
  drained(): Promise<void>
}

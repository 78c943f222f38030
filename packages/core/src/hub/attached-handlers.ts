import type { IngestOutcome } from '../ingest/ingest.js'
import { accept, callback, line, options, text } from '../model/check/index.js'
import type { InboundMessage } from '../ports/transport.js'

/** A topic handler of a transport. */
export interface AttachedHandler {
  /** Of the messages it takes: `mqtt:default`. */
  readonly source: string
  /** Unique among those of the source, and the same in each run: letters, digits, `_` and `-`. */
  readonly name: string
  /** The topic filter, for people. */
  readonly filter: string
  /** Handles a message. Rejects when the handler fails; `failed`: the hub did not store what the handler handed to it. */
  run(message: InboundMessage): Promise<IngestOutcome>
}

const NAME = text({ max: 64, pattern: /^[A-Za-z0-9_-]+$/, expected: '1 to 64 letters, digits, _ and -' })

const HANDLER = options<AttachedHandler>({
  source: line(),
  name: NAME,
  filter: text(),
  run: callback<AttachedHandler['run']>(),
})

/** Of a topic handler, as it goes into a flag. Throws `invalid_options`. */
export const acceptHandlerName = (name: string): string => accept('hub.quarantine', 'handler', NAME, name)

/** The topic handlers that run in this process: a message that one of them failed for is replayed through it. */
export function createAttachedHandlers() {
  const attached = new Set<AttachedHandler>()

  return {
    attach(given: AttachedHandler): () => void {
      const handler = accept('hub.attachHandler', 'handler', HANDLER, given)
      attached.add(handler)
      return () => void attached.delete(handler)
    },
    /** The one that was attached last. */
    find: (source: string, name: string): AttachedHandler | undefined =>
      [...attached].findLast((handler) => handler.source === source && handler.name === name),
  }
}

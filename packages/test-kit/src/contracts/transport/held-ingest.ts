import type { InboundMessage, IngestOutcome } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { Ingest, Settle } from '@devicehub/core/transport'

/** A message that a transport passed to a held ingest. */
export interface HeldMessage {
  /** The message as it was passed. */
  readonly message: InboundMessage
  /** Its payload as text. */
  readonly text: string
  /** The transport's callback for the outcome. */
  readonly settle: Settle
}

/** An ingest that settles nothing by itself: the test decides when, and with which outcome. */
export interface HeldIngest {
  /** The ingest to pass to a transport. */
  readonly ingest: Ingest
  /** Messages in the order of arrival, settled ones included. */
  readonly received: readonly HeldMessage[]
  /** How many messages may be unsettled before `push` returns false. Default: no limit. */
  capacity: number
  /** Settles every unsettled message with this text, or all of them. Default outcome: stored, with one sample. */
  settle(text?: string, outcome?: IngestOutcome): void
  /** Settles all messages, and from now on each one on arrival. */
  settleAtOnce(): void
}

const MESSAGE = check.partOf<Pick<InboundMessage, 'topic' | 'payload'>>(
  { topic: check.text({ min: 0 }), payload: check.bytes },
  'a message',
)
const MESSAGES = check.list(check.anything<InboundMessage>())

export const STORED: IngestOutcome = { status: 'stored', samples: 1, duplicates: 0 }

/**
 * Creates an ingest whose messages stay unsettled, to test what a transport acknowledges and when.
 *
 * @example
 * import { holdIngest } from '@devicehub/test-kit'
 *
 * const held = holdIngest()
 * // Pass held.ingest to the transport, publish to it, and look at what it acknowledges before and after:
 * held.settle('message 1', { status: 'stored', samples: 1, duplicates: 0 })
 */
export function holdIngest(): HeldIngest {
  const received: HeldMessage[] = []
  const unsettled = new Set<HeldMessage>()
  let atOnce = false
  let waiting: (() => void)[] = []
  const hasRoom = () => unsettled.size < held.capacity

  function push(message: InboundMessage, settle: Settle): boolean {
    check.accept('ingest.push', 'message', MESSAGE, message)
    check.accept('ingest.push', 'settle', check.callback(), settle)
    const one = { message, text: Buffer.from(message.payload).toString(), settle }
    received.push(one)
    unsettled.add(one)
    if (atOnce) settleOne(one, STORED)
    return hasRoom()
  }

  function settleOne(one: HeldMessage, outcome: IngestOutcome): void {
    if (!unsettled.delete(one)) return
    try {
      one.settle(outcome)
    } catch {
      // As in a hub: an error in a source's callback must not reach others.
    }
    if (!hasRoom()) return
    for (const resolve of waiting) resolve()
    waiting = []
  }

  const all = async (messages: readonly InboundMessage[]) =>
    Promise.all(
      check
        .accept('ingest', 'messages', MESSAGES, messages)
        .map((message) => new Promise<IngestOutcome>((resolve) => push(message, resolve))),
    )
  const drained = () =>
    hasRoom() ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve))
  const held: HeldIngest = {
    ingest: Object.assign(all, { push, drained }),
    received,
    capacity: Number.POSITIVE_INFINITY,
    settle(text, outcome = STORED) {
      for (const one of [...unsettled]) if (text === undefined || one.text === text) settleOne(one, outcome)
    },
    settleAtOnce() {
      atOnce = true
      held.settle()
    },
  }
  return held
}

import type { InboundMessage, IngestOutcome } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { Ingest, Settle } from '@devicehub/core/transport'

export interface HeldMessage {
  readonly message: InboundMessage
  readonly text: string
  readonly settle: Settle
}

/** An ingest that settles nothing by itself: the test says when, and with what. */
export interface HeldIngest {
  readonly ingest: Ingest
  /** In order of arrival, settled ones too. */
  readonly received: readonly HeldMessage[]
  /** Unsettled messages past which `push` answers false; default none. */
  capacity: number
  /** Settles every message of this text, or all that are not settled. */
  settle(text?: string, outcome?: IngestOutcome): void
  /** From now on everything is settled on arrival. */
  settleAtOnce(): void
}

const MESSAGE = check.partOf<Pick<InboundMessage, 'topic' | 'payload'>>(
  { topic: check.text({ min: 0 }), payload: check.bytes },
  'a message',
)
const MESSAGES = check.list(check.anything<InboundMessage>())

export const STORED: IngestOutcome = { status: 'stored', samples: 1, duplicates: 0 }

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
      // As in a hub: what a source's callback throws harms nobody else.
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

import { type Codec, DeviceHubError, isDeviceHubError } from '@devicehub/core/definition'
import { encodeWith, errorLine, toLine } from '@devicehub/core/transport'
import type { Publisher } from '../publisher.js'
import type { CommandLedger, LedgerEntry } from './command-ledger.js'

export type Outcome =
  | { readonly status: 'accepted' }
  | { readonly status: 'succeeded'; readonly result: unknown }
  | { readonly status: 'failed' | 'rejected'; readonly error: string }

/** The payload on `response`. Throws what the codec throws for a result it cannot write. */
export function encodeReply(
  { id, command }: Pick<LedgerEntry, 'id' | 'command'>,
  outcome: Outcome,
  codec: Codec,
) {
  const { status } = outcome
  const reply: Record<string, unknown> = { id, command, status }
  if (outcome.status === 'succeeded' && outcome.result !== undefined) reply.result = outcome.result
  if ('error' in outcome) reply.error = toLine(outcome.error)
  return encodeWith(codec, reply, { channel: 'response' })
}

/** Without a result. Empty if the codec cannot encode replies at all: the command was executed, but no reply can be sent. */
export function encodeError(
  entry: Pick<LedgerEntry, 'id' | 'command'>,
  outcome: Exclude<Outcome, { readonly status: 'succeeded' }>,
  { codec, onError }: Pick<RepliesOptions, 'codec' | 'onError'>,
): Uint8Array {
  try {
    return encodeReply(entry, outcome, codec)
  } catch (cause) {
    const message = `the command ${entry.command} (${entry.id}) cannot be answered: the codec ${codec.name} writes no replies: ${errorLine(cause)}`
    onError(new DeviceHubError('handler_failed', message, { details: { id: entry.id }, cause }))
    return new Uint8Array(0)
  }
}

export interface RepliesOptions {
  readonly publisher: Publisher
  /** The device's own. A response topic in the command (MQTT 5) is ignored: a sender must not make the device publish anywhere else. */
  readonly topic: string
  readonly codec: Codec
  readonly ledger: CommandLedger
  readonly onError: (error: DeviceHubError) => void
}

/** Sends replies beside the samples, without delaying them. */
export interface Replies {
  /** Best effort: the final reply makes up for a lost one. */
  accepted(entry: LedgerEntry): void
  /** Until the broker has confirmed it; not twice at a time. */
  final(entry: LedgerEntry): void
  /** There is a connection: final replies that were not confirmed are sent again. */
  resume(): void
  /** Resolves when none is on its way. */
  idle(): Promise<void>
  stop(): void
}

export function createReplies(options: RepliesOptions): Replies {
  const { publisher, topic, ledger, onError } = options
  const sending = new Map<LedgerEntry, Promise<void>>()
  let stopped = false

  const push = ({ correlationData }: LedgerEntry, payload: Uint8Array) =>
    publisher.push(topic, payload, undefined, correlationData === null ? {} : { correlationData })

  async function deliver(entry: LedgerEntry): Promise<void> {
    while (!stopped && entry.reply !== null) {
      // A later process must find what the hub was told. A failing disk was reported, and does not delay replies.
      await entry.stored.catch(() => {})
      const { reply } = entry
      try {
        if (reply.byteLength > 0) await push(entry, reply)
        ledger.delivered(entry)
        return
      } catch (cause) {
        if (isDeviceHubError(cause, 'queue_full')) {
          await publisher.room()
          continue
        }
        // Closed: it is sent when there is a connection again, or by the next process.
        if (!isDeviceHubError(cause, 'publish_failed')) return
        const error = cause
        onError(error)
        if (isTooLarge(error) && entry.reply === reply && !replaced.has(entry)) {
          replaced.add(entry)
          const outcome = { status: 'failed', error: `its result cannot be sent: ${error.message}` } as const
          ledger.finish(entry, encodeError(entry, outcome, options))
          continue
        }
        // It would cost each further connection as well. Any other refusal, such as a missing permission, may pass.
        if ('losses' in error.details) ledger.delivered(entry)
        return
      }
    }
  }
  const replaced = new WeakSet<LedgerEntry>()

  function final(entry: LedgerEntry): void {
    if (sending.has(entry)) return
    sending.set(
      entry,
      deliver(entry).finally(() => sending.delete(entry)),
    )
  }

  return {
    accepted(entry) {
      const reply = encodeError(entry, { status: 'accepted' }, options)
      if (reply.byteLength > 0) push(entry, reply).catch(() => {})
    },
    final,
    resume() {
      for (const entry of ledger.undelivered()) final(entry)
    },
    async idle() {
      await Promise.all(sending.values())
    },
    stop() {
      stopped = true
    },
  }
}

/** For this broker: its Maximum Packet Size, or 0x95. */
const isTooLarge = ({ details }: DeviceHubError): boolean =>
  'largest' in details || details.reasonCode === 0x95

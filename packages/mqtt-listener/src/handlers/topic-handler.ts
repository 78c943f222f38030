import { setTimeout as sleep } from 'node:timers/promises'
import {
  createBackoff,
  errorLine,
  type InboundMessage,
  type IngestOutcome,
  isDeviceHubError,
  type OutboundMessage,
  toLine,
} from '@devicehub/core'
import { asError } from '../connection/link-error'
import type { Counters } from '../reporting/counters'
import type { Consumer } from '../session/inbox'
import type { ListenerHub } from '../settings/listener-hub'
import type { HandlerCall } from './handler-call'
import type { HandlerSpec } from './handler-spec'

/** A message for the hub; what is left out is as with the message that is handled. */
export type HandedMessage = Pick<InboundMessage, 'topic' | 'payload'> & Partial<InboundMessage>

export interface TopicHandlerContext {
  /** Aborted when the handler has taken too long, the listener stops or its slot is lost: what it still does is in vain. */
  readonly signal: AbortSignal
  /**
   * Messages for the hub, as if they had come from the broker. It takes them when the handler is done, and the message is
   * acknowledged when they are committed; when the handler fails or takes too long it takes none of them. Afterwards it
   * throws: `handler_failed`, or `closed` when the listener stops or the handler is done.
   *
   * @example
   * listener.handle('plant/+/meter', (message, { ingest }) => {
   *   ingest({ topic: `things/meter/${message.topic.split('/')[1]}/data`, payload: message.payload })
   * })
   */
  ingest(...messages: readonly HandedMessage[]): void
  /** Publishes at the handler's broker. Rejects like `ingest` throws, and as `listener.publish` does. */
  publish(message: OutboundMessage): Promise<void>
}

/**
 * A message is acknowledged when the handler has returned, or when what it returned has resolved, and what it handed to
 * `context.ingest` is committed.
 */
export type TopicHandler = (message: InboundMessage, context: TopicHandlerContext) => unknown

export interface TopicHandlerOptions {
  /** Default 1. */
  readonly qos?: 0 | 1 | 2
  /** Milliseconds a call may take; default 30,000. */
  readonly timeout?: number
  /** Calls that may run at once; default 32. With 1, messages are handled in the order they came. */
  readonly concurrency?: number
  /** False: each listener gets every message, retained ones too, instead of sharing them. Default: as for device topics. */
  readonly shared?: boolean
  /** Tells apart two handlers of one filter; a part of the client id. Letters, digits, `_` and `-`. */
  readonly name?: string
  /** Default: the only broker, or `default`. */
  readonly broker?: string
}

export interface HandlerConsumerOptions extends Pick<HandlerSpec, 'filter' | 'name'> {
  readonly call: HandlerCall
  readonly hub: ListenerHub
  readonly broker: string
  readonly counters: Counters
  /** Aborted when the listener stops or its slot is lost: what could not be put on record by then stays unacknowledged. */
  readonly stopping: AbortSignal
}

/** A handler that fails on each message must not turn the log into a copy of the traffic. */
const LOG_EVERY_MS = 1_000

/** Calls the handler, one message each; a message it could not handle is put on record before it is acknowledged. */
export function createHandlerConsumer(options: HandlerConsumerOptions): Consumer {
  const { filter, name, call, hub, broker, counters, stopping } = options
  let lastLog = Number.NEGATIVE_INFINITY

  function report(error: Error, topic: string): void {
    counters.handlerErrors++
    const now = performance.now()
    if (now - lastLog < LOG_EVERY_MS) return
    lastLog = now
    hub.logger.error(
      { broker, filter, topic: toLine(topic, 200), err: error, errors: counters.handlerErrors },
      `a topic handler failed: ${errorLine(error)}`,
    )
  }

  async function handle(message: InboundMessage): Promise<IngestOutcome> {
    try {
      return await call(message)
    } catch (cause) {
      const error = asError(cause)
      if (stopping.aborted) return { status: 'failed', error }
      report(error, message.topic)
      return putOnRecord(message, errorLine(error))
    }
  }

  async function putOnRecord(message: InboundMessage, reason: string): Promise<IngestOutcome> {
    const refusal = { code: 'handler_failed', reason } as const
    const backoff = createBackoff({ min: 100, max: 5_000 })
    for (;;) {
      try {
        await hub.quarantine(message, refusal, name)
        return { status: 'quarantined', ...refusal }
      } catch (error) {
        if (stopping.aborted || isDeviceHubError(error, 'closed') || isDeviceHubError(error, 'fenced'))
          return { status: 'failed', error: asError(error) }
        hub.logger.warn(
          { broker, filter, err: error },
          'a failed message could not be put on record; trying again',
        )
      }
      await sleep(backoff.next(), undefined, { signal: stopping }).catch(() => {})
    }
  }

  return {
    push(message, settle) {
      void handle(message).then(settle)
      return true
    },
    drained: () => Promise.resolve(),
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import {
  createBackoff,
  DeviceHubError,
  type InboundMessage,
  type IngestOutcome,
  isDeviceHubError,
} from '@devicehub/core'
import type { Counters } from './counters.js'
import type { HandlerSpec } from './handler-spec.js'
import type { Consumer } from './inbox.js'
import { asError } from './link-error.js'
import type { ListenerHub } from './listener-hub.js'

export interface TopicHandlerContext {
  /** Aborted when the handler has taken too long, the listener stops or its slot is lost: what it still does is in vain. */
  readonly signal: AbortSignal
}

/** A message is acknowledged when the handler has returned, or when what it returned has resolved. */
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

export interface HandlerConsumerOptions extends Pick<HandlerSpec, 'filter' | 'handler' | 'timeout'> {
  readonly hub: ListenerHub
  readonly broker: string
  readonly counters: Counters
  /** Aborted when the listener stops or its slot is lost: what could not be put on record by then stays unacknowledged. */
  readonly stopping: AbortSignal
}

const HANDLED: IngestOutcome = { status: 'stored', samples: 0, duplicates: 0 }

/** A handler that fails on each message must not turn the log into a copy of the traffic. */
const LOG_EVERY_MS = 1_000

/** Calls the handler, one message each; a message it could not handle is put on record before it is acknowledged. */
export function createHandlerConsumer(options: HandlerConsumerOptions): Consumer {
  const { filter, handler, timeout, hub, broker, counters, stopping } = options
  const running = new Set<AbortController>()
  let lastLog = Number.NEGATIVE_INFINITY

  stopping.addEventListener('abort', () => {
    for (const abort of running)
      abort.abort(new DeviceHubError('closed', 'the listener stops or has lost its slot'))
  })

  function call(message: InboundMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = new AbortController()
      const timer = setTimeout(() => {
        const error = new DeviceHubError(
          'handler_failed',
          `the handler of "${filter}" was not done after ${timeout} ms`,
        )
        abort.abort(error)
        reject(error)
      }, timeout)
      running.add(abort)
      const run = async () => {
        await handler(message, { signal: abort.signal })
      }
      run()
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer)
          running.delete(abort)
        })
    })
  }

  function report(error: Error, topic: string): void {
    counters.handlerErrors++
    const now = performance.now()
    if (now - lastLog < LOG_EVERY_MS) return
    lastLog = now
    hub.logger.error(
      { broker, filter, topic, err: error, errors: counters.handlerErrors },
      `a topic handler failed: ${error.message}`,
    )
  }

  async function handle(message: InboundMessage): Promise<IngestOutcome> {
    try {
      await call(message)
      return HANDLED
    } catch (cause) {
      const error = asError(cause)
      if (stopping.aborted) return { status: 'failed', error }
      report(error, message.topic)
      return putOnRecord(message, error.message)
    }
  }

  async function putOnRecord(message: InboundMessage, reason: string): Promise<IngestOutcome> {
    const refusal = { code: 'handler_failed', reason } as const
    const backoff = createBackoff({ min: 100, max: 5_000 })
    for (;;) {
      try {
        await hub.quarantine(message, refusal)
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

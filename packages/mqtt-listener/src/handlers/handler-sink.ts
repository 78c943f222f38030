import { type InboundMessage, type IngestOutcome, isDeviceHubError } from '@devicehub/core'
import { errorLine, toLine } from '@devicehub/core/transport'
import { createBackoff, sleep } from '@devicehub-internal/async'
import { asError } from '../connection/connection-error.js'
import type { BrokerCounters } from '../reporting/counters.js'
import type { MessageSink } from '../session/message-sink.js'
import type { ListenerHub } from '../settings/listener-hub.js'
import type { HandlerCall } from './handler-call.js'
import type { HandlerSpec } from './handler-spec.js'

export interface HandlerSinkOptions extends Pick<HandlerSpec, 'filter' | 'name'> {
  readonly call: HandlerCall
  readonly hub: ListenerHub
  readonly broker: string
  readonly counters: BrokerCounters
  /**
   * Aborted when the listener stops or its slot is lost. Failed messages that are not quarantined by then stay
   * unacknowledged.
   */
  readonly stopping: AbortSignal
}

/** At most one log line per interval: a handler that always fails would otherwise log every message. */
const LOG_INTERVAL_MS = 1_000

/** Passes each message of a session to the topic handler. A failed message is quarantined, and then acknowledged. */
export function createHandlerSink(options: HandlerSinkOptions): MessageSink {
  const { filter, name, call, hub, broker, counters, stopping } = options
  let loggedAt = Number.NEGATIVE_INFINITY

  function report(error: Error, topic: string): void {
    counters.handlerErrors++
    const now = performance.now()
    if (now - loggedAt < LOG_INTERVAL_MS) return
    loggedAt = now
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
      return quarantine(message, errorLine(error))
    }
  }

  /** Tries again while the storage is unavailable. */
  async function quarantine(message: InboundMessage, reason: string): Promise<IngestOutcome> {
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
          'a message whose topic handler failed could not be quarantined; trying again',
        )
      }
      await sleep(backoff.next(), stopping)
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

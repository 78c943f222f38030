import {
  check,
  DeviceHubError,
  type InboundMessage,
  type IngestOutcome,
  type OutboundMessage,
} from '@devicehub/core'
import type { ListenerHub } from '../settings/listener-hub'
import type { HandlerSpec } from './handler-spec'
import type { HandedMessage, TopicHandlerContext } from './topic-handler'

export interface HandlerCallOptions extends Pick<HandlerSpec, 'filter' | 'handler' | 'timeout'> {
  readonly hub: Pick<ListenerHub, 'ingest'>
  readonly publish: (message: OutboundMessage) => Promise<void>
  /** Lets go of calls that are still running. */
  readonly stopping: AbortSignal
}

/** Resolves when the handler was done in time and the hub has what it handed over. Rejects: it failed, and the hub has none of it. */
export type HandlerCall = (message: InboundMessage) => Promise<IngestOutcome>

const HANDLED: IngestOutcome = { status: 'stored', samples: 0, duplicates: 0 }

const HANDED = {
  topic: check.text(),
  payload: check.bytes,
}

/**
 * A message is either handled or failed. So what a handler hands to the hub waits until the handler is done; of one that
 * fails or takes too long nothing is stored, and from then on its context takes nothing more.
 */
export function createHandlerCall(options: HandlerCallOptions): HandlerCall {
  const { filter, handler, timeout, hub, stopping } = options
  const running = new Set<(error: DeviceHubError) => void>()

  stopping.addEventListener('abort', () => {
    for (const end of [...running])
      end(new DeviceHubError('closed', 'the listener stops or has lost its slot'))
  })

  /** Resolves with what it handed over. */
  function call(message: InboundMessage): Promise<readonly InboundMessage[]> {
    return new Promise((resolve, reject) => {
      const abort = new AbortController()
      const handed: InboundMessage[] = []
      /** Why the context takes nothing more. */
      let over: DeviceHubError | null = null

      function end(error: DeviceHubError): void {
        if (over !== null) return
        settle(error)
        abort.abort(error)
        reject(error)
      }
      function settle(reason: DeviceHubError): void {
        over ??= reason
        clearTimeout(timer)
        running.delete(end)
      }
      const timer = setTimeout(() => {
        const why = `the handler of "${filter}" was not done after ${timeout} ms`
        end(new DeviceHubError('handler_failed', why))
      }, timeout)
      running.add(end)

      const context: TopicHandlerContext = {
        signal: abort.signal,
        ingest(...messages) {
          if (over !== null) throw over
          handed.push(...messages.map((one) => complete(one, message)))
        },
        async publish(outbound) {
          if (over !== null) throw over
          await options.publish(outbound)
        },
      }
      const run = async () => {
        await handler(message, context)
      }
      run().then(
        () => {
          if (over !== null) return
          settle(
            new DeviceHubError('closed', `the handler of "${filter}" is done: what comes later is not taken`),
          )
          resolve(handed)
        },
        (error: unknown) => {
          settle(
            new DeviceHubError('handler_failed', `the handler of "${filter}" has failed`, { cause: error }),
          )
          reject(error)
        },
      )
    })
  }

  return async (message) => {
    const handed = await call(message)
    if (handed.length === 0) return HANDLED
    const outcomes: Promise<IngestOutcome>[] = []
    for (const one of handed) {
      let hasRoom = true
      outcomes.push(new Promise((done) => (hasRoom = hub.ingest.push(one, done))))
      if (!hasRoom) await hub.ingest.drained()
    }
    return (await Promise.all(outcomes)).find(({ status }) => status === 'failed') ?? HANDLED
  }
}

/** What the handler did not say is as it was with the message it handles: when it came, how, and under which lease. */
function complete(given: HandedMessage, { payload: _, topic: __, ...base }: InboundMessage): InboundMessage {
  const { topic, payload } = given
  check.accept('context.ingest', 'topic', HANDED.topic, topic)
  check.accept('context.ingest', 'payload', HANDED.payload, payload)
  return { ...base, ...given, fence: base.fence }
}

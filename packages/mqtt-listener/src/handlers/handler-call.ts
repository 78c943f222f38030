import { DeviceHubError, type InboundMessage, type IngestOutcome } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { OutboundMessage } from '@devicehub/core/transport'
import { deferred } from '@devicehub-internal/async'
import type { ListenerHub } from '../settings/listener-hub.js'
import type { HandlerSpec } from './handler-spec.js'
import type { MessageFromHandler, TopicHandlerContext } from './topic-handler.js'

export interface HandlerCallOptions extends Pick<HandlerSpec, 'filter' | 'handler' | 'timeout'> {
  readonly hub: Pick<ListenerHub, 'ingest'>
  readonly publish: (message: OutboundMessage) => Promise<void>
  /** Aborted: calls that still run have failed. */
  readonly stopping: AbortSignal
}

/**
 * Calls a topic handler for one message. Resolves when the handler has returned in time and the hub has taken the messages
 * it handed over. Rejects when the handler has failed: then the hub takes none of them.
 */
export type HandlerCall = (message: InboundMessage) => Promise<IngestOutcome>

const HANDLED: IngestOutcome = { status: 'stored', samples: 0, duplicates: 0 }

/**
 * A message is either handled or failed, so the messages a handler hands over wait until it has returned. When it fails or
 * exceeds its `timeout`, they are discarded, and its context accepts no more.
 */
export function createHandlerCall(options: HandlerCallOptions): HandlerCall {
  const { hub, stopping } = options
  /** Ends each call that runs. */
  const running = new Set<(error: DeviceHubError) => void>()

  stopping.addEventListener('abort', () => {
    const error = new DeviceHubError('closed', 'the listener stops or has lost its slot')
    for (const end of [...running]) end(error)
  })

  return async (message) => {
    const handed = await callHandler(message, options, running)
    const outcomes: Promise<IngestOutcome>[] = []
    for (const each of handed) {
      let hasRoom = true
      outcomes.push(new Promise((resolve) => (hasRoom = hub.ingest.push(each, resolve))))
      if (!hasRoom) await hub.ingest.drained()
    }
    return (await Promise.all(outcomes)).find(({ status }) => status === 'failed') ?? HANDLED
  }
}

/** Resolves with the messages the handler has handed over. */
function callHandler(
  message: InboundMessage,
  { filter, handler, timeout, publish }: HandlerCallOptions,
  running: Set<(error: DeviceHubError) => void>,
): Promise<readonly InboundMessage[]> {
  const result = deferred<readonly InboundMessage[]>()
  const abort = new AbortController()
  const handed: InboundMessage[] = []
  /** Set when the call has ended: what the context throws from then on. */
  let ended: DeviceHubError | null = null

  /** False: the call had ended before, and a late result is discarded. */
  function end(error: DeviceHubError): boolean {
    if (ended !== null) return false
    ended = error
    clearTimeout(timer)
    running.delete(abortCall)
    return true
  }
  function abortCall(error: DeviceHubError): void {
    if (!end(error)) return
    abort.abort(error)
    result.reject(error)
  }
  const timer = setTimeout(
    () =>
      abortCall(
        new DeviceHubError(
          'handler_failed',
          `the handler of "${filter}" did not finish within ${timeout} ms (option timeout of handle)`,
        ),
      ),
    timeout,
  )
  running.add(abortCall)

  const context: TopicHandlerContext = {
    signal: abort.signal,
    ingest(...messages) {
      if (ended !== null) throw ended
      handed.push(...messages.map((each) => withDefaults(each, message)))
    },
    async publish(outbound) {
      if (ended !== null) throw ended
      await publish(outbound)
    },
  }
  const run = async () => {
    await handler(message, context)
  }
  run().then(
    () => {
      if (
        end(
          new DeviceHubError(
            'closed',
            `the handler of "${filter}" has returned: call context.ingest and context.publish before`,
          ),
        )
      )
        result.resolve(handed)
    },
    (error) => {
      end(new DeviceHubError('handler_failed', `the handler of "${filter}" has failed`, { cause: error }))
      result.reject(error)
    },
  )
  return result.promise
}

const TOPIC = check.text()

/** A field the handler leaves out has the value of the handled message. The fence always has: it names the slot's lease. */
function withDefaults(
  given: MessageFromHandler,
  { payload: _, topic: __, ...handled }: InboundMessage,
): InboundMessage {
  check.accept('context.ingest', 'topic', TOPIC, given.topic)
  check.accept('context.ingest', 'payload', check.bytes, given.payload)
  return { ...handled, ...given, fence: handled.fence }
}

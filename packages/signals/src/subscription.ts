import type { AnyDeviceType, Duration, Logger, Metrics, SignalEvents, SignalName } from '@devicehub/core'
import { createHandlerRunner, type HandlerStats } from '@devicehub/core/transport'
import { matchesType } from './matches-type.js'

/** Ends the subscription when called, once or often; `using` does it at the end of the block. */
export interface Unsubscribe extends Disposable {
  /** Ends the subscription. Calling it again does nothing. */
  (): void
}

/** Options of `on` and `once`. */
export interface SubscribeOptions {
  /** Ends the subscription when it aborts. */
  readonly signal?: AbortSignal | undefined
  /** Names the handler in logs, metrics and `stats()`. Default: the function's name. */
  readonly label?: string | undefined
  /** Promises of this handler that may be pending at once; past it its events are dropped and counted. Default 1,000. */
  readonly maxPending?: number | undefined
  /** How long a promise may be pending before it is logged and counted as an error. Default: for good. */
  readonly timeout?: Duration | undefined
}

export type AnySignalEvent = SignalEvents[SignalName]

export interface SubscriptionRequest extends SubscribeOptions {
  readonly name: SignalName
  readonly type: AnyDeviceType | null
  readonly handler: (event: AnySignalEvent) => unknown
  readonly once: boolean
  readonly logger: Logger
  readonly metrics: Metrics
  /** Called once, when the subscription ends for whatever reason. */
  readonly onEnd: (subscription: Subscription) => void
}

/** One handler of one signal, as the emitter holds it. */
export interface Subscription {
  readonly name: SignalName
  readonly type: AnyDeviceType | null
  readonly label: string
  readonly handler: (event: AnySignalEvent) => unknown
  /** What the emitter calls. Never throws. */
  readonly listener: (event: AnySignalEvent) => void
  end(): void
  stats(): HandlerStats
  idle(): Promise<void>
}

/** A proxy of a function may throw when it is read. */
function nameOf(handler: { readonly name: string }): string {
  try {
    return String(handler.name)
  } catch {
    return ''
  }
}

export function createSubscription(request: SubscriptionRequest): Subscription {
  const { name, type, handler, once, signal, maxPending, timeout, logger, metrics, onEnd } = request
  const label = request.label ?? (nameOf(handler) || 'anonymous')
  const fullName = type === null ? `${name} ${label}` : `${name}(${type.name}) ${label}`
  const runner = createHandlerRunner({ name: fullName, maxPending, timeout, logger, metrics })
  // The emitter goes on over the list it began with, so a handler that was removed by another one is still called.
  let ended = false

  const subscription: Subscription = {
    name,
    type,
    label,
    handler,
    listener(event) {
      if (ended || (type !== null && !matchesType(event.type, type))) return
      if (once) subscription.end()
      runner.run(handler, event)
    },
    end() {
      if (ended) return
      ended = true
      signal?.removeEventListener('abort', subscription.end)
      onEnd(subscription)
    },
    stats: runner.stats,
    idle: runner.idle,
  }
  signal?.addEventListener('abort', subscription.end)
  return subscription
}

import {
  type AnyDeviceType,
  consoleLogger,
  DeviceHubError,
  type SignalEvents,
  type SignalName,
} from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { isDeviceType } from '@devicehub/core/definition'
import { noMetrics, type SignalSink } from '@devicehub/core/transport'
import { doneWithin } from '@devicehub-internal/async'
import { EventEmitter } from 'eventemitter3'
import { type IterateOptions, iterateEvents, type SignalIterator } from './iterate-events.js'
import {
  acceptClose,
  acceptHandler,
  acceptIterate,
  acceptName,
  acceptSignals,
  acceptSubscribe,
  acceptType,
  isName,
} from './option-rules.js'
import type { SignalEvent } from './signal-event.js'
import type { SignalsOptions } from './signals-options.js'
import { createSignalsStats, type SignalsStats } from './signals-stats.js'
import {
  type AnySignalEvent,
  createSubscription,
  type SubscribeOptions,
  type Subscription,
  type Unsubscribe,
} from './subscription.js'

/** What may be returned is ignored, but a promise is watched: its rejection is logged, and how many are pending is bounded. */
export type SignalHandler<Event> = (event: Event) => unknown

/** The hub's events, made by `createSignals`; the hub emits, applications subscribe. */
export interface Signals extends SignalSink, AsyncDisposable {
  /** Calls the handler at each event, after the commit. Nothing it does, throwing and hanging included, reaches the hub. */
  on<Name extends SignalName>(
    name: Name,
    handler: SignalHandler<SignalEvents[Name]>,
    options?: SubscribeOptions,
  ): Unsubscribe
  /** Only events of that type and of types that extend it; readings, state and commands are typed by it. */
  on<Name extends SignalName, Type extends AnyDeviceType>(
    name: Name,
    type: Type,
    handler: SignalHandler<SignalEvent<Name, Type>>,
    options?: SubscribeOptions,
  ): Unsubscribe
  /** As `on`, for the first event that fits. */
  once<Name extends SignalName>(
    name: Name,
    handler: SignalHandler<SignalEvents[Name]>,
    options?: SubscribeOptions,
  ): Unsubscribe
  /** Only the first event of that type. */
  once<Name extends SignalName, Type extends AnyDeviceType>(
    name: Name,
    type: Type,
    handler: SignalHandler<SignalEvent<Name, Type>>,
    options?: SubscribeOptions,
  ): Unsubscribe
  /** Ends every subscription of that handler to that signal; with a type only those to the type. False when there was none. */
  off<Name extends SignalName>(name: Name, handler: SignalHandler<SignalEvents[Name]>): boolean
  /** Only the subscriptions to that type. */
  off<Name extends SignalName, Type extends AnyDeviceType>(
    name: Name,
    type: Type,
    handler: SignalHandler<SignalEvent<Name, Type>>,
  ): boolean
  /**
   * The events as an async iterator. It subscribes at once and buffers `maxQueued` events; past it the oldest are dropped
   * and counted. Leaving the loop, the `signal`, or closing the signals ends it.
   */
  iterate<Name extends SignalName>(name: Name, options?: IterateOptions): SignalIterator<SignalEvents[Name]>
  /** Only events of that type and of types that extend it. */
  iterate<Name extends SignalName, Type extends AnyDeviceType>(
    name: Name,
    type: Type,
    options?: IterateOptions,
  ): SignalIterator<SignalEvent<Name, Type>>
  /** Counts since the start, and the handlers of now; reading them costs nothing. */
  stats(): SignalsStats
  /**
   * Ends every subscription and iterator (which still give out what they hold), then waits for handlers that are
   * pending, for at most `timeout` (default 5 s). Events emitted later are ignored; subscribing later is an error (`closed`).
   */
  close(options?: check.CloseOptions): Promise<void>
}

type ErasedHandler = SignalHandler<AnySignalEvent>

/**
 * The hub's lifecycle events. Each call makes an instance of its own; nothing is shared between two. `invalid_options` for
 * an option that is unknown or out of bounds.
 *
 * @example
 * import { createDeviceHub } from '@devicehub/core'
 * import { createSignals } from '@devicehub/signals'
 * import { WeatherStation } from './hub.js'
 *
 * const signals = createSignals()
 * signals.on('deviceDisconnected', ({ device }) => console.log(device.deviceId))
 * const hub = createDeviceHub({ types: [WeatherStation], signals })
 */
export function createSignals(given: SignalsOptions = {}): Signals {
  const options = acceptSignals(given)
  const { logger = consoleLogger, metrics = noMetrics } = options
  const emitter = new EventEmitter<Record<SignalName, [AnySignalEvent]>>()
  const subscriptions = new Set<Subscription>()
  const iterators = new Set<{ finish(): void }>()
  const statistics = createSignalsStats(subscriptions)
  let closed = false

  const refuseIfClosed = (name: SignalName) => {
    if (closed) throw new DeviceHubError('closed', `cannot subscribe to ${name}: the signals were closed`)
  }

  function subscribe(
    once: boolean,
    name: SignalName,
    type: AnyDeviceType | null,
    handler: ErasedHandler,
    subscribeOptions: SubscribeOptions = {},
  ): Unsubscribe {
    refuseIfClosed(name)
    const subscription = createSubscription({
      ...subscribeOptions,
      maxPending: subscribeOptions.maxPending ?? options.maxPending,
      timeout: subscribeOptions.timeout ?? options.timeout,
      name,
      type,
      handler,
      once,
      logger,
      metrics,
      onEnd(ended) {
        emitter.off(name, ended.listener)
        subscriptions.delete(ended)
        statistics.retire(ended)
      },
    })
    if (!subscribeOptions.signal?.aborted) {
      subscriptions.add(subscription)
      emitter.on(name, subscription.listener)
    }
    const { end } = subscription
    return Object.assign(() => end(), { [Symbol.dispose]: end })
  }

  const subscriber =
    (call: string, once: boolean) =>
    (name: SignalName, ...args: WithType<[ErasedHandler, SubscribeOptions?]>): Unsubscribe => {
      const { type, rest } = splitType(call, args)
      acceptHandler(call, name, rest[0])
      return subscribe(once, name, type, rest[0], acceptSubscribe(call, rest[1]))
    }

  const signals = {
    on: subscriber('signals.on', false),
    once: subscriber('signals.once', true),
    off(name: SignalName, ...args: WithType<[ErasedHandler]>): boolean {
      const { type, rest } = splitType('signals.off', args)
      const [handler] = rest
      acceptHandler('signals.off', name, handler)
      const found = [...subscriptions].filter(
        (each) =>
          each.name === name && each.handler === handler && (type === null || each.type?.key === type.key),
      )
      for (const each of found) each.end()
      return found.length > 0
    },
    iterate(name: SignalName, ...args: WithType<[IterateOptions?]>) {
      acceptName('signals.iterate', name)
      refuseIfClosed(name)
      const { type, rest } = splitType('signals.iterate', args)
      const iterateOptions = acceptIterate(rest[0])
      const iterator = iterateEvents<AnySignalEvent>({
        ...iterateOptions,
        name: type === null ? name : `${name}(${type.name})`,
        logger,
        metrics,
        subscribe: (push) => subscribe(false, name, type, push, { label: 'iterator' }),
        onDrop: statistics.countDrop,
        onEnd: (ended) => void iterators.delete(ended),
      })
      if (!iterateOptions.signal?.aborted) iterators.add(iterator)
      return iterator
    },
    emit: check.trusting(
      'signals.emit',
      'the name of a signal and its event',
      (name: SignalName, event: AnySignalEvent): void => {
        if (!isName(name)) acceptName('signals.emit', name)
        statistics.countEmit(name)
        emitter.emit(name, event)
      },
    ),
    hasSubscribers: (name: SignalName) => isName(name) && emitter.listenerCount(name) > 0,
    stats: statistics.read,
    async close(given: check.CloseOptions = {}): Promise<void> {
      const { timeout = 5_000 } = acceptClose(given)
      closed = true
      for (const iterator of iterators) iterator.finish()
      for (const subscription of subscriptions) subscription.end()
      await doneWithin(timeout, statistics.idle())
      const { pending } = statistics.read()
      if (pending > 0)
        logger.warn({ pending }, `the signals closed while ${pending} calls of handlers were pending`)
    },
    [Symbol.asyncDispose]: () => signals.close(),
  }
  // Inside, events are of any signal; the overloads of the interface tie names, types and handlers together.
  return signals as unknown as Signals
}

type WithType<Rest extends readonly unknown[]> = Rest | readonly [AnyDeviceType, ...Rest]

/** The type in second place is optional. */
function splitType<Rest extends readonly unknown[]>(
  call: string,
  args: WithType<Rest>,
): { type: AnyDeviceType | null; rest: Rest } {
  const [first, ...others] = args
  // With one more behind it, the first one can only be meant as a type.
  if (!isDeviceType(first) && others.some((other) => typeof other === 'function')) acceptType(call, first)
  return isDeviceType(first)
    ? { type: first, rest: others as unknown as Rest }
    : { type: null, rest: args as Rest }
}

import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { type OutboundMessage, quietWhenClosed, type Transport } from '@devicehub/core/transport'
import type { EndSessionsResult } from '../client/end-sessions.js'
import { closedError } from '../connection/connection-error.js'
import { acceptHandler } from '../handlers/accept-handler.js'
import type { TopicHandler, TopicHandlerOptions } from '../handlers/topic-handler.js'
import { brokerSettings } from '../settings/broker-settings.js'
import type { ListenerHub } from '../settings/listener-hub.js'
import { acceptHub } from '../settings/option-rules.js'
import type { MqttListenerOptions } from '../settings/options.js'
import { acceptBroker, acceptClose, acceptEndSessionsOf, acceptStop } from './accept-calls.js'
import {
  type Broker,
  type BrokerStats,
  createBroker,
  type StopOptions,
  type TopicSubscription,
} from './broker.js'
import { sumOf } from './sum-stats.js'
import { warnOfUnservedTypes } from './unserved-types.js'

/**
 * The figures of all brokers together: counters are sums, `peakInFlight` is the largest, `state` is the first that is not
 * well, `slot` and `lastError` are those of the first broker that has one.
 */
export interface MqttListenerStats extends BrokerStats {
  /** The figures of each broker, by its name. */
  readonly brokers: Readonly<Record<string, BrokerStats>>
}

/** After `stop()` it can be started again; `close()` ends it for good, as `hub.close()` does. */
export interface MqttListener extends Transport, AsyncDisposable {
  /**
   * Connects and subscribes. Resolves when every broker has granted all subscriptions. Tries for `connectTimeout`, then
   * stops and rejects:
   * - `transport_unavailable`, with the reason of the last attempt.
   * - `connection_refused`, at once: the broker refuses the listener, for its password say.
   * - `invalid_options`, at once: the broker lacks what the options need, such as MQTT 5.
   * - `closed`: `stop()` or `close()` was called meanwhile, or the listener or the hub is closed. Nobody has to handle this
   *   rejection.
   */
  start(): Promise<void>
  /**
   * Receives nothing more, waits until the hub has stored what was received, acknowledges it, and disconnects. The broker
   * keeps the session and collects messages for the next `start()`: a stopped listener can be started again. With
   * `{ endSession: true }` the session is emptied and deleted instead: for a process that will not come back.
   */
  stop(options?: StopOptions): Promise<void>
  /**
   * Stops as `stop()` does, with the same options, waits for running calls of `endSessionsOf`, and ends the listener for
   * good: from now on `start` and `endSessionsOf` reject with `closed`, and `handle` throws it. `publish` rejects with it once
   * everything is drained, and so does `ready` of a subscription that was not granted. A second call waits for the first.
   */
  close(options?: StopOptions): Promise<void>
  /**
   * Publishes to the broker of the listener's name, or to the one named. Resolves when the broker has acknowledged the
   * message (QoS 1 and 2), or when it was written (QoS 0). Rejects with `transport_unavailable`, `publish_failed`,
   * `invalid_topic`, `invalid_options` or `closed`.
   */
  publish(message: OutboundMessage, broker?: string): Promise<void>
  /**
   * Subscribes to any topic filter, and calls the handler for each message. May be called before and after `start()`.
   * Throws `invalid_topic`, `invalid_options` or `closed`.
   */
  handle(filter: string, handler: TopicHandler, options?: TopicHandlerOptions): TopicSubscription
  /**
   * Empties the sessions of a process that will not come back: stores the messages the broker has queued for its client id
   * and its topic handlers, and has the broker delete the sessions. Device types, topic handlers and `sharedGroup` must be
   * the same here as there. A process that is still alive is disconnected, and this rejects when it connects again.
   */
  endSessionsOf(clientId: string, options?: { readonly broker?: string }): Promise<EndSessionsResult>
  /** Counters since the listener was created, and how it is now; reading them costs nothing. */
  stats(): MqttListenerStats
  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Receives the messages of the hub's device types over MQTT, and acknowledges each message after its commit. Throws
 * `invalid_options`, and `closed` for a hub that is.
 *
 * @example
 * import { createMqttListener } from '@devicehub/mqtt-listener'
 * import { hub } from './hub.js'
 *
 * const listener = createMqttListener(hub, { url: 'mqtt://localhost:1883', clientId: 'hub-1' })
 * await listener.start()
 */
export function createMqttListener(hub: ListenerHub, options: MqttListenerOptions): MqttListener {
  acceptHub(hub)
  // Throws for a closed hub. `hub.close()` stops the listener as its transport: nothing else is to be ended.
  hub.onClose?.(() => {})()
  const brokers = brokerSettings(options).map((settings) => createBroker(hub, settings))
  const main = brokers.find(({ name }) => name === 'default') ?? (brokers[0] as Broker)

  function brokerNamed(name: string | undefined): Broker {
    const broker = name === undefined ? main : brokers.find((each) => each.name === name)
    if (broker !== undefined) return broker
    const known = brokers.map((each) => each.name).join(', ')
    throw new DeviceHubError(
      'invalid_options',
      `this listener has no broker ${check.showValue(name)} (it has ${known})`,
    )
  }

  let closing: Promise<void> | null = null
  let closed = false
  const endingSessions = new Set<Promise<unknown>>()

  function assertOpen(): void {
    if (closing !== null) throw closedError('this listener is closed; create another one')
  }

  async function start(): Promise<void> {
    assertOpen()
    const results = await Promise.allSettled(brokers.map((broker) => broker.start()))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) {
      await listener.stop()
      throw failed.reason
    }
    warnOfUnservedTypes(
      hub,
      brokers.map(({ name }) => name),
    )
  }

  async function close(stopOptions: StopOptions): Promise<void> {
    try {
      await listener.stop(stopOptions)
    } finally {
      closed = true
      for (const broker of brokers) broker.refuseHandlers()
      await Promise.allSettled(endingSessions)
    }
  }

  const listener: MqttListener = {
    name: main.name,
    start: () => quietWhenClosed(start),
    async stop(given = {}) {
      const stopOptions = acceptStop(given)
      const results = await Promise.allSettled(brokers.map((broker) => broker.stop(stopOptions)))
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
    async close(given = {}) {
      const stopOptions = acceptClose(given)
      closing ??= close(stopOptions)
      await closing
    },
    async publish(message, broker) {
      const to = acceptBroker(broker)
      // Of publish('a/topic', 'text') the message is wrong, and not the broker.
      if (to !== undefined) check.accept('listener.publish', 'message', check.outboundMessage, message)
      const at = brokerNamed(to)
      // Not before everything is drained: a topic handler may publish until it is done.
      if (closed) assertOpen()
      return at.publish(message)
    },
    handle(filter, handler, given = {}) {
      const handlerOptions = acceptHandler(filter, handler, given)
      assertOpen()
      return brokerNamed(handlerOptions.broker).handle(filter, handler, handlerOptions)
    },
    async endSessionsOf(clientId, given = {}) {
      const { broker } = acceptEndSessionsOf(clientId, given)
      assertOpen()
      const ending = brokerNamed(broker).endSessionsOf(clientId)
      endingSessions.add(ending)
      try {
        return await ending
      } finally {
        endingSessions.delete(ending)
      }
    },
    stats() {
      const all = brokers.map((broker) => [broker.name, broker.stats()] as const)
      return { ...sumOf(all.map(([, stats]) => stats)), brokers: Object.fromEntries(all) }
    },
    [Symbol.asyncDispose]: () => listener.close(),
  }
  return listener
}

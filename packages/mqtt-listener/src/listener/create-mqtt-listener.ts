import { check, DeviceHubError, type OutboundMessage, quietWhenClosed, type Transport } from '@devicehub/core'
import type { AdoptResult } from '../client/adopt'
import type { ConnectionState } from '../connection/keep-connected'
import type { TopicHandler, TopicHandlerOptions } from '../handlers/topic-handler'
import { brokerSettings } from '../settings/broker-settings'
import type { ListenerHub } from '../settings/listener-hub'
import { acceptAdopt, acceptBroker, acceptHandler, acceptHub, acceptStop } from '../settings/option-rules'
import type { MqttListenerOptions } from '../settings/options'
import {
  type Broker,
  type BrokerStats,
  createBroker,
  type StopOptions,
  type TopicSubscription,
} from './broker'
import { warnOfUnserved } from './unserved-types'

export interface MqttListenerStats extends BrokerStats {
  /** Each broker's own; the figures beside it are their sum, `maxInFlight` the largest, `slot` and `lastError` the first broker's that has any. */
  readonly brokers: Readonly<Record<string, BrokerStats>>
}

export interface MqttListener extends Transport, AsyncDisposable {
  /**
   * Resolves when every broker is connected and has granted the subscriptions. Tries for `connectTimeout`, then rejects
   * with `transport_unavailable` and stops. At once when no later attempt could succeed: `connection_refused` for what the
   * broker refuses, such as the credentials, and `invalid_options` for what it cannot do. `closed` when it is stopped
   * meanwhile, which needs nobody to look.
   */
  start(): Promise<void>
  /**
   * Reads nothing more, waits for what was taken, acknowledges what is committed, disconnects. The broker keeps the
   * session and collects messages for the next `start()`; with `{ leave: true }` it is emptied and ended instead, for a
   * replica that will not come back.
   */
  stop(options?: StopOptions): Promise<void>
  /** At the broker of the listener's name, or at the one named. */
  publish(message: OutboundMessage, broker?: string): Promise<void>
  /** Handles a topic of any form. It may be called before and after `start()`. */
  handle(filter: string, handler: TopicHandler, options?: TopicHandlerOptions): TopicSubscription
  /**
   * Stores what the broker keeps for a replica that will not come back, and ends its sessions. The device types, the
   * topic handlers and the group must be the same here as there. A replica that is still alive would be disconnected.
   */
  adopt(clientId: string, options?: { readonly broker?: string }): Promise<AdoptResult>
  stats(): MqttListenerStats
}

/**
 * Receives the messages of the hub's device types over MQTT and acknowledges each one after its commit.
 *
 * @example
 * const listener = createMqttListener(hub, { url: 'mqtt://localhost:1883', clientId: 'hub-1' })
 * await listener.start()
 */
export function createMqttListener(hub: ListenerHub, options: MqttListenerOptions): MqttListener {
  acceptHub(hub)
  const brokers = brokerSettings(options).map((settings) => createBroker(hub, settings))
  const main = brokers.find(({ name }) => name === 'default') ?? (brokers[0] as Broker)

  function pick(name: string | undefined): Broker {
    const broker = name === undefined ? main : brokers.find((each) => each.name === name)
    if (broker !== undefined) return broker
    const known = brokers.map((each) => each.name).join(', ')
    throw new DeviceHubError(
      'invalid_options',
      `this listener has no broker ${check.showValue(name)} (it has ${known})`,
    )
  }

  const listener: MqttListener = {
    name: main.name,
    start: () =>
      quietWhenClosed(async () => {
        const results = await Promise.allSettled(brokers.map((broker) => broker.start()))
        const failed = results.find((result) => result.status === 'rejected')
        if (failed === undefined)
          return warnOfUnserved(
            hub,
            brokers.map(({ name }) => name),
          )
        await listener.stop()
        throw failed.reason
      }),
    async stop(given = {}) {
      const stopOptions = acceptStop(given)
      const results = await Promise.allSettled(brokers.map((broker) => broker.stop(stopOptions)))
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
    publish: async (message, broker) => pick(acceptBroker(broker)).publish(message),
    handle(filter, handler, given = {}) {
      const handlerOptions = acceptHandler(filter, handler, given)
      return pick(handlerOptions.broker).handle(filter, handler, handlerOptions)
    },
    async adopt(clientId, given = {}) {
      const { broker } = acceptAdopt(clientId, given)
      return pick(broker).adopt(clientId)
    },
    stats() {
      const all = brokers.map((broker) => [broker.name, broker.stats()] as const)
      return { ...all.map(([, stats]) => stats).reduce(add), brokers: Object.fromEntries(all) }
    },
    [Symbol.asyncDispose]: () => listener.stop(),
  }
  return listener
}

const isWell = (state: ConnectionState) => state === 'connected' || state === 'standby'

function worse(a: ConnectionState, b: ConnectionState): ConnectionState {
  if (!isWell(a)) return a
  return a === 'connected' || !isWell(b) ? b : a
}

function add(sum: BrokerStats, next: BrokerStats): BrokerStats {
  const total: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(next)) {
    const other = sum[name as keyof BrokerStats]
    total[name] = typeof value === 'number' ? value + (other as number) : value
  }
  return {
    ...(total as unknown as BrokerStats),
    maxInFlight: Math.max(sum.maxInFlight, next.maxInFlight),
    slot: sum.slot ?? next.slot,
    lastError: sum.lastError ?? next.lastError,
    state: worse(sum.state, next.state),
  }
}

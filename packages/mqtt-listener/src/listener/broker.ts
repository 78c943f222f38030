import { setMaxListeners } from 'node:events'
import { DeviceHubError } from '@devicehub/core'
import type { InMilliseconds } from '@devicehub/core/check'
import { controlMissing } from '@devicehub/core/storage'
import { type OutboundMessage, randomIds, type Transport } from '@devicehub/core/transport'
import type { BrokerContext } from '../client/broker-context.js'
import { createClientSessions } from '../client/client-sessions.js'
import { type EndSessionsResult, endSessions } from '../client/end-sessions.js'
import { closedError, unavailable } from '../connection/connection-error.js'
import type { ConnectionState } from '../connection/keep-connected.js'
import type { TopicHandler, TopicHandlerOptions } from '../handlers/topic-handler.js'
import { createPublisher, type Publisher } from '../publisher/publisher.js'
import { createConnectionEvents } from '../reporting/connection-events.js'
import { type BrokerCounters, createCounters, createMetricsReporter } from '../reporting/counters.js'
import { createOutageLog } from '../reporting/outage-log.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import type { ListenerHub } from '../settings/listener-hub.js'
import { createSlotKeeper, type SlotKeeper, type SlotStats } from '../slots/slot-keeper.js'
import { isSlotClientId } from '../slots/slot-leases.js'
import { createHandlerRegistry, type Registration } from './handler-registry.js'
import { waitUntilReady } from './wait-until-ready.js'

/** One broker of a listener: the sessions that receive from it, and the publisher. It can be stopped and started again. */
export interface Broker extends Transport {
  handle(filter: string, handler: TopicHandler, options?: TopicHandlerOptions): TopicSubscription
  stop(options?: StopOptions): Promise<void>
  /** The listener is closed: `ready` of handlers that wait for their subscription rejects. */
  refuseHandlers(): void
  endSessionsOf(clientId: string): Promise<EndSessionsResult>
  stats(): BrokerStats
}

/** Options of `stop` and `close`. */
export interface StopOptions {
  /**
   * True: this process will not come back. It unsubscribes, receives the queued messages, and has the broker delete the
   * sessions. With slots, the last session of the group is kept nevertheless. Default false: the broker keeps the sessions
   * for the next `start()`.
   */
  readonly endSession?: boolean
}

/**
 * Call it to remove the handler: it unsubscribes, handles the messages that are queued, and has the broker delete the
 * handler's session.
 */
export interface TopicSubscription {
  /** Resolves when the session of the handler is gone, or the listener is stopped. */
  (): Promise<void>
  /**
   * Resolves when the broker has granted the subscription: with slots, not before the listener holds one. Read before
   * `start()` or after `stop()` it rejects, as `publish` does; so read it after `start()`.
   */
  readonly ready: Promise<void>
}

/** Figures of one broker: counters since the listener was created, and how it is now. */
export interface BrokerStats extends Readonly<BrokerCounters> {
  /** `connected` when the sessions of the device topics and of all topic handlers are. */
  readonly state: ConnectionState
  /** Why the listener is not connected, or cannot publish; null while it can do both. */
  readonly lastError: string | null
  /** Null without the option `slots`. */
  readonly slot: SlotStats | null
  /** Messages received and not acknowledged. */
  readonly inFlight: number
  /** Publications sent and not acknowledged. */
  readonly inFlightPublications: number
}

/** Runs the sessions that receive: under the listener's client id, or under that of the slot it holds. */
type Receiver = Pick<SlotKeeper, 'start' | 'ready' | 'stop' | 'add' | 'remove' | 'sessions' | 'lastError'> & {
  readonly slot: SlotStats | null
}

/** What exists between `start()` and `stop()`. */
interface Run {
  readonly receiver: Receiver
  readonly publisher: Publisher
  /** Aborted at the beginning of `stop()`. */
  readonly stopped: AbortController
}

const METRICS_INTERVAL_MS = 1_000

export function createBroker(hub: ListenerHub, settings: BrokerSettings): Broker {
  const { name, url, clientId, slots, sharedGroup } = settings
  const leases = hub.storage?.leases
  if (slots !== null && leases === undefined)
    throw new DeviceHubError(
      'invalid_options',
      `broker "${name}": slots are leased from the database, and the storage of this hub has no leases. Use kyselyStorage or memoryStorage, or set clientId instead`,
    )
  if (slots !== null && hub.storage?.capabilities?.control === false)
    throw controlMissing(hub.storage.name ?? 'storage', `slots (of the broker "${name}")`)
  assertGroupAllowed()
  const counters = createCounters()
  const connections = createConnectionEvents(hub, settings)
  const outages = createOutageLog(hub.logger, settings)
  const context: BrokerContext = { hub, settings, counters, connections, outages }
  const reportMetrics = createMetricsReporter(hub.metrics, counters, name)
  const handlers = createHandlerRegistry(hub, settings, (message) => broker.publish(message))
  let run: Run | null = null
  let starting: Promise<void> | null = null
  let stopping: Promise<void> | null = null
  let startedBefore = false

  function assertGroupAllowed(): void {
    if (sharedGroup !== null) hub.sharedGroups?.assertAllowed(name, sharedGroup)
  }

  function createReceiver(): Receiver {
    if (slots !== null && leases !== undefined)
      return createSlotKeeper({ context, slots, leases, handlers: handlers.all })
    const clients = createClientSessions({ context, clientId, handlers: handlers.all })
    return Object.assign(clients, { slot: null })
  }

  /** Everything it registers is removed when the signal is aborted. */
  function registerAtHub(stopped: AbortSignal): void {
    const detach = hub.attach(broker)
    const leaveGroup = sharedGroup === null ? undefined : hub.sharedGroups?.join(name, sharedGroup)
    const reporting = setInterval(reportMetrics, METRICS_INTERVAL_MS).unref()
    stopped.addEventListener('abort', () => {
      detach()
      leaveGroup?.()
      clearInterval(reporting)
    })
  }

  async function start(): Promise<void> {
    assertGroupAllowed()
    const stopped = new AbortController()
    // Each topic handler adds a listener. Without this, Node would warn of a leak.
    setMaxListeners(0, stopped.signal)
    registerAtHub(stopped.signal)
    startedBefore = true
    // With slots, several processes share the configuration, and those that stand by publish too: each needs its own id.
    const publisherId = slots === null ? `${clientId}-pub` : `${clientId}-pub-${randomIds.next().slice(0, 8)}`
    const { logger } = hub
    const publisher = createPublisher({ settings, clientId: publisherId, counters, logger, outages })
    const receiver = createReceiver()
    run = { receiver, publisher, stopped }
    receiver.start()
    for (const handler of handlers.all()) handlers.attachForReplay(handler, stopped.signal)
    try {
      await waitUntilReady([receiver, publisher], settings, stopped.signal)
    } catch (error) {
      await stop()
      throw error
    }
  }

  function stop({ endSession = false }: StopOptions = {}): Promise<void> {
    if (run === null) return Promise.resolve()
    stopping ??= stopRun(run, endSession).finally(() => {
      stopping = null
    })
    return stopping
  }

  async function stopRun({ receiver, publisher, stopped }: Run, endSession: boolean): Promise<void> {
    stopped.abort()
    const [result] = await Promise.allSettled([receiver.stop(endSession)])
    // Last: topic handlers may publish until they are done.
    await publisher.close()
    run = null
    starting = null
    reportMetrics()
    if (result.status === 'rejected') throw result.reason
  }

  function handle(
    filter: string,
    fn: TopicHandler,
    options: InMilliseconds<TopicHandlerOptions> = {},
  ): TopicSubscription {
    const registration = handlers.add(filter, fn, options)
    const { handler } = registration
    if (stopping === null && run !== null) {
      run.receiver.add(handler)
      handlers.attachForReplay(handler, run.stopped.signal)
    }
    return Object.defineProperty(() => removeHandler(registration), 'ready', {
      enumerable: true,
      get: () => readyOf(registration),
    }) as TopicSubscription
  }

  /** Nothing but `start()` would settle it otherwise: an `await` of it in front of that would never end. */
  function readyOf({ ready, settled }: Registration): Promise<void> {
    if (isRunning() || settled()) return ready
    const refused = Promise.reject(notRunning())
    // Who only looks at it must not end the process.
    refused.catch(() => {})
    return refused
  }

  const isRunning = () => stopping === null && run !== null

  const notRunning = () =>
    startedBefore
      ? closedError(`the listener of the broker at ${url} was stopped: call start() again first`)
      : unavailable(`the listener of the broker at ${url} is not started: call start() first`)

  async function removeHandler({ handler, remove }: Registration): Promise<void> {
    if (remove()) await run?.receiver.remove(handler)
  }

  async function endSessionsOf(deadClientId: string): Promise<EndSessionsResult> {
    if (slots !== null && isSlotClientId(slots, deadClientId))
      throw new DeviceHubError(
        'invalid_options',
        `${deadClientId} is the client id of a slot of group ${slots.group}. You need not end its session: the other processes of the group take over free slots`,
      )
    if (deadClientId === clientId || handlers.has(deadClientId) || deadClientId === `${clientId}-pub`)
      throw new DeviceHubError(
        'invalid_options',
        `${deadClientId} is a client id of this listener. To end its own session, call stop({ endSession: true }); start() goes on with it`,
      )
    return endSessions(
      context,
      deadClientId,
      handlers.all().map(({ spec }) => spec),
    )
  }

  function state(): ConnectionState {
    if (run === null) return 'idle'
    const { sessions, slot } = run.receiver
    const notConnected = sessions.find((session) => session.state !== 'connected')
    if (notConnected !== undefined) return notConnected.state
    if (slot === null || slot.state === 'held') return 'connected'
    return slot.state === 'standby' ? 'standby' : 'waiting'
  }

  function stats(): BrokerStats {
    const noSlot = slots && ({ group: slots.group, number: null, state: 'unclaimed', epoch: null } as const)
    return {
      ...counters,
      state: state(),
      lastError: (run?.receiver.lastError ?? run?.publisher.lastError)?.message ?? null,
      slot: run?.receiver.slot ?? noSlot,
      inFlight: run?.receiver.sessions.reduce((sum, { inFlight }) => sum + inFlight, 0) ?? 0,
      inFlightPublications: run?.publisher.inFlight ?? 0,
    }
  }

  const broker: Broker = {
    name,
    start: () =>
      (starting ??= start().catch((error) => {
        starting = null
        throw error
      })),
    stop,
    async publish(message: OutboundMessage) {
      if (run !== null) return run.publisher.publish(message)
      throw notRunning()
    },
    handle,
    refuseHandlers() {
      const error = closedError(`the listener of the broker at ${url} is closed`)
      for (const handler of handlers.all()) handler.refused(error)
    },
    endSessionsOf,
    stats,
  }
  return broker
}

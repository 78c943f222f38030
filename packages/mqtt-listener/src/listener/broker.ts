import { setMaxListeners } from 'node:events'
import {
  DeviceHubError,
  isDeviceHubError,
  type OutboundMessage,
  randomIds,
  type Transport,
} from '@devicehub/core'
import { type AdoptResult, adoptSessions } from '../client/adopt'
import type { BrokerContext } from '../client/broker-context'
import { createClientSessions, type RegisteredHandler } from '../client/client-sessions'
import type { ConnectionState } from '../connection/keep-connected'
import { asError, closedError, LinkError, unavailable } from '../connection/link-error'
import { createHandlerCall } from '../handlers/handler-call'
import { handlerSpec } from '../handlers/handler-spec'
import type { TopicHandler, TopicHandlerOptions } from '../handlers/topic-handler'
import { createPublisher, type Publisher } from '../publisher/publisher'
import { createConnectionEvents } from '../reporting/connection-events'
import { type Counters, createCounters, createMetricsReporter } from '../reporting/counters'
import type { ListenerHub } from '../settings/listener-hub'
import type { BrokerSettings } from '../settings/options'
import { createSlotKeeper, type SlotKeeper, type SlotStats } from '../slots/slot-keeper'
import { isSlotClientId } from '../slots/slots'

/** One broker of a listener: the session of the device topics, one for each topic handler, and the publisher. */
export interface Broker extends Transport {
  handle(filter: string, handler: TopicHandler, options?: TopicHandlerOptions): TopicSubscription
  stop(options?: StopOptions): Promise<void>
  adopt(clientId: string): Promise<AdoptResult>
  stats(): BrokerStats
}

export interface StopOptions {
  /**
   * For good: unsubscribe, take what is queued, and have the broker forget the sessions. Default false. With slots the
   * last session of the group is kept all the same.
   */
  readonly leave?: boolean
}

/** Call it to unsubscribe: what is queued is handled first, then the broker forgets the handler's session. */
export interface TopicSubscription {
  (): Promise<void>
  /** Resolves when the broker has granted the subscription; pending until the listener is started and has a slot. */
  readonly ready: Promise<void>
}

export interface BrokerStats extends Readonly<Counters> {
  readonly state: ConnectionState
  /** Why it is not connected, or cannot publish; null while all is well. */
  readonly lastError: string | null
  /** Null without the option `slots`. */
  readonly slot: SlotStats | null
  /** Messages taken and not acknowledged. */
  readonly inFlight: number
  /** Publications sent and not acknowledged. */
  readonly publishing: number
}

/** Under which client id the listener receives: its own, or that of the slot it holds. */
type Receiver = Pick<SlotKeeper, 'start' | 'ready' | 'stop' | 'add' | 'remove' | 'sessions' | 'lastError'> & {
  readonly slot: SlotStats | null
}

const REPORT_EVERY_MS = 1_000

export function createBroker(hub: ListenerHub, settings: BrokerSettings): Broker {
  const { name, url, clientId, slots, sharedGroup } = settings
  const { logger } = hub
  const leases = hub.storage?.leases
  if (slots !== null && leases === undefined)
    throw new DeviceHubError(
      'invalid_options',
      `broker "${name}": slots need a hub with a storage that has leases`,
    )
  if (sharedGroup !== null) hub.sharedGroups?.assertAllowed(name, sharedGroup)
  const counters = createCounters()
  const connections = createConnectionEvents(hub, settings)
  const context: BrokerContext = { hub, settings, counters, connections }
  const reportMetrics = createMetricsReporter(hub.metrics, counters, name)
  /** By client id. */
  const handlers = new Map<string, RegisteredHandler>()
  let receiver: Receiver | null = null
  let publisher: Publisher | null = null
  let starting: Promise<void> | null = null
  let stopping: Promise<void> | null = null
  let stopped = new AbortController()
  let startedBefore = false

  function createReceiver(): Receiver {
    const registered = () => [...handlers.values()]
    if (slots !== null && leases !== undefined)
      return createSlotKeeper({ context, slots, leases, handlers: registered })
    const clients = createClientSessions(context, clientId, registered)
    return Object.assign(clients, { slot: null })
  }

  async function start(): Promise<void> {
    if (sharedGroup !== null) hub.sharedGroups?.assertAllowed(name, sharedGroup)
    const detach = hub.attach(broker)
    const leaveGroup = sharedGroup === null ? undefined : hub.sharedGroups?.join(name, sharedGroup)
    const reporter = setInterval(reportMetrics, REPORT_EVERY_MS).unref()
    startedBefore = true
    stopped = new AbortController()
    // Each topic handler listens: not a leak.
    setMaxListeners(0, stopped.signal)
    stopped.signal.addEventListener('abort', () => {
      detach()
      leaveGroup?.()
      clearInterval(reporter)
    })
    // Of its own for each process of a group: one that stands by publishes too.
    const publisherId = slots === null ? `${clientId}-pub` : `${clientId}-pub-${randomIds.next().slice(0, 8)}`
    publisher = createPublisher({ settings, clientId: publisherId, counters, logger })
    receiver = createReceiver()
    receiver.start()
    for (const handler of handlers.values()) attachHandler(handler)
    try {
      await ready([receiver, publisher], stopped.signal)
    } catch (error) {
      await stop()
      throw error
    }
  }

  async function ready(
    all: readonly Pick<Receiver, 'ready' | 'lastError'>[],
    signal: AbortSignal,
  ): Promise<void> {
    const { connectTimeout } = settings
    let timer: NodeJS.Timeout | undefined
    const givenUp = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () =>
        reject(closedError(`the listener of ${url} was stopped while it started`)),
      )
      timer = setTimeout(() => {
        const cause = all.map(({ lastError }) => lastError).find((error) => error !== null)
        const reason = cause?.message ?? `the broker at ${url} did not answer`
        reject(
          new DeviceHubError(
            isDeviceHubError(cause, 'storage_unavailable') ? 'storage_unavailable' : 'transport_unavailable',
            `not connected and subscribed within ${connectTimeout} ms: ${reason}`,
            cause === undefined ? {} : { cause },
          ),
        )
      }, connectTimeout)
    })
    const permanent = (error: unknown) =>
      isDeviceHubError(error)
        ? error
        : new DeviceHubError(
            (error instanceof LinkError ? error.permanent : null) ?? 'invalid_options',
            asError(error).message,
            { cause: error },
          )
    try {
      await Promise.race([
        Promise.all(all.map((each) => each.ready().catch((error) => Promise.reject(permanent(error))))),
        givenUp,
      ])
    } finally {
      clearTimeout(timer)
    }
  }

  function stop({ leave = false }: StopOptions = {}): Promise<void> {
    if (receiver === null) return Promise.resolve()
    stopping ??= end(receiver, leave).finally(() => {
      stopping = null
    })
    return stopping
  }

  async function end(ending: Receiver, leave: boolean): Promise<void> {
    stopped.abort()
    const [result] = await Promise.allSettled([ending.stop(leave)])
    // Handlers may publish until they are done: the publisher goes last.
    await publisher?.stop()
    receiver = null
    publisher = null
    starting = null
    reportMetrics()
    if (result.status === 'rejected') throw result.reason
  }

  function handle(filter: string, fn: TopicHandler, options: TopicHandlerOptions = {}): TopicSubscription {
    const spec = handlerSpec(filter, fn, options, settings, (message) => broker.publish(message))
    const id = spec.clientIdOf(clientId)
    if (handlers.has(id))
      throw new DeviceHubError(
        'invalid_options',
        `"${filter}" has a handler already; give this one a \`name\``,
      )
    let granted = () => {}
    let refused: (error: Error) => void = () => {}
    const whenReady = new Promise<void>((resolve, reject) => {
      granted = resolve
      refused = reject
    })
    whenReady.catch(() => {})
    const removal = new AbortController()
    const handler: RegisteredHandler = { spec, granted, refused, removed: removal.signal }
    handlers.set(id, handler)
    if (stopping === null && receiver !== null) {
      receiver.add(handler)
      attachHandler(handler)
    }
    const remove = () => {
      removal.abort()
      return forget(id, handler)
    }
    return Object.assign(remove, { ready: whenReady })
  }

  /** For replays, as long as the listener runs and the handler is not taken away. */
  function attachHandler({ spec, removed }: RegisteredHandler): void {
    const { name: handlerName, filter } = spec
    const over = new AbortController()
    const run = createHandlerCall({ ...spec, hub, stopping: over.signal })
    const detach = hub.attachHandler({ source: `mqtt:${name}`, name: handlerName, filter, run })
    const end = () => {
      detach()
      over.abort()
    }
    stopped.signal.addEventListener('abort', end, { once: true, signal: over.signal })
    removed.addEventListener('abort', end, { once: true, signal: over.signal })
  }

  async function forget(id: string, handler: RegisteredHandler): Promise<void> {
    if (handlers.get(id) !== handler) return
    handlers.delete(id)
    await receiver?.remove(handler)
  }

  async function adopt(deadId: string): Promise<AdoptResult> {
    if (slots !== null && isSlotClientId(slots, deadId))
      throw new DeviceHubError(
        'invalid_options',
        `${deadId} belongs to a slot of group ${slots.group}: whoever holds a slot adopts those of the others by itself`,
      )
    if (deadId === clientId || handlers.has(deadId) || deadId === `${clientId}-pub`)
      throw new DeviceHubError(
        'invalid_options',
        `${deadId} is this listener's own client id; start() resumes its session`,
      )
    return adoptSessions(
      context,
      deadId,
      [...handlers.values()].map(({ spec }) => spec),
    )
  }

  function state(): ConnectionState {
    if (receiver === null) return 'idle'
    const notConnected = receiver.sessions.find((session) => session.state !== 'connected')
    if (notConnected !== undefined) return notConnected.state
    if (receiver.slot === null || receiver.slot.state === 'held') return 'connected'
    return receiver.slot.state === 'standby' ? 'standby' : 'waiting'
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
      if (publisher !== null) return publisher.publish(message)
      if (startedBefore) throw closedError(`the listener of the broker at ${url} was stopped`)
      throw unavailable(`the listener of the broker at ${url} is not started`)
    },
    handle,
    adopt,
    stats: () => ({
      ...counters,
      state: state(),
      lastError: (receiver?.lastError ?? publisher?.lastError)?.message ?? null,
      slot: receiver?.slot ?? (slots && { group: slots.group, number: null, state: 'none', epoch: null }),
      inFlight: receiver?.sessions.reduce((sum, { inFlight }) => sum + inFlight, 0) ?? 0,
      publishing: publisher?.inFlight ?? 0,
    }),
  }
  return broker
}

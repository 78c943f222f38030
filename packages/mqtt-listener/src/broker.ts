import { type DeviceHubError, DeviceHubError as HubError, type OutboundMessage, type Transport } from '@devicehub/core'
import { adoptSession } from './adopt.js'
import { type Counters, createCounters, createMetricsReporter } from './counters.js'
import type { ConnectionState } from './keep-connected.js'
import { asError, unavailable } from './link-error.js'
import type { ListenerHub } from './listener-hub.js'
import type { BrokerSettings } from './options.js'
import { createPublisher, type Publisher } from './publisher.js'
import { createSession, type Session } from './session.js'
import { assertFilter, inGroup, typeFilters } from './subscriptions.js'
import {
  createHandlerConsumer,
  handlerClientId,
  type TopicHandler,
  type TopicHandlerOptions,
} from './topic-handler.js'

/** One broker of a listener: the session of the device topics, one for each topic handler, and the publisher. */
export interface Broker extends Transport {
  handle(filter: string, handler: TopicHandler, options?: TopicHandlerOptions): TopicSubscription
  stop(options?: StopOptions): Promise<void>
  adopt(clientId: string): Promise<AdoptResult>
  stats(): BrokerStats
}

export interface StopOptions {
  /** For good: unsubscribe, take what is queued, and have the broker forget the sessions. Default false. */
  readonly leave?: boolean
}

export interface AdoptResult {
  /** Sessions the broker still had: of the device topics and of each topic handler. */
  readonly sessions: number
  /** Messages taken from them. */
  readonly messages: number
}

/** Call it to unsubscribe and have the broker forget the handler's session; what is queued is handled first. */
export interface TopicSubscription {
  (): Promise<void>
  /** Resolves when the broker has granted the subscription; pending until the listener is started. */
  readonly ready: Promise<void>
}

export interface BrokerStats extends Readonly<Counters> {
  readonly state: ConnectionState
  /** Messages taken and not acknowledged. */
  readonly inFlight: number
  /** Publications sent and not acknowledged. */
  readonly publishing: number
}

const HANDLER_WINDOW = 32
const HANDLER_TIMEOUT_MS = 30_000
const REPORT_EVERY_MS = 1_000

interface HandlerSession {
  readonly clientId: string
  readonly create: () => { session: Session; end: () => void }
  running: { session: Session; end: () => void } | null
  readonly resolveReady: (ready: Promise<void>) => void
}

export function createBroker(hub: ListenerHub, settings: BrokerSettings): Broker {
  const { name, url, clientId, qos, window, sharedGroup } = settings
  const { logger, metrics, clock } = hub
  const counters = createCounters()
  const reportMetrics = createMetricsReporter(metrics, counters, name)
  const handlers = new Map<string, HandlerSession>()
  const now = () => clock.now()
  let devices: Session | null = null
  let publisher: Publisher | null = null
  let detach: (() => void) | null = null
  let reporter: NodeJS.Timeout | undefined
  let starting: Promise<void> | null = null

  const deviceSession = () =>
    createSession({
      settings,
      clientId,
      subscriptions: { filters: typeFilters(hub.types, hub.topicPrefix, settings), qos },
      window,
      consumer: hub.ingest,
      counters,
      now,
      logger,
    })

  const sessions = (): Session[] => [
    ...(devices === null ? [] : [devices]),
    ...[...handlers.values()].flatMap(({ running }) => (running === null ? [] : [running.session])),
  ]

  function run(entry: HandlerSession): Session {
    entry.running ??= entry.create()
    entry.running.session.start()
    entry.resolveReady(entry.running.session.ready())
    return entry.running.session
  }

  async function connectAll(): Promise<void> {
    detach = hub.attach(broker)
    publisher = createPublisher({ settings, clientId: `${clientId}-pub`, counters, logger })
    reporter = setInterval(reportMetrics, REPORT_EVERY_MS).unref()
    devices = deviceSession()
    devices.start()
    for (const entry of handlers.values()) run(entry)
    const all = sessions()
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(startError(all)), settings.connectTimeout)
    })
    try {
      await Promise.race([Promise.all(all.map((session) => session.ready())), timeout])
    } catch (error) {
      await stop()
      throw toStartError(error)
    } finally {
      clearTimeout(timer)
    }
  }

  function startError(all: readonly Session[]): DeviceHubError {
    const cause = all.map(({ lastError }) => lastError).find((error) => error !== null)
    const reason = cause?.message ?? `the broker at ${url} did not answer`
    return unavailable(`not connected within ${settings.connectTimeout} ms: ${reason}`, cause)
  }

  const toStartError = (error: unknown) =>
    error instanceof HubError ? error : new HubError('invalid_options', asError(error).message, { cause: error })

  async function stop({ leave = false }: StopOptions = {}): Promise<void> {
    if (devices === null && publisher === null) return
    detach?.()
    detach = null
    // Handlers may publish until they are done: the publisher goes last.
    const results = await Promise.allSettled(sessions().map((session) => (leave ? session.leave() : session.stop())))
    for (const entry of handlers.values()) {
      entry.running?.end()
      entry.running = null
    }
    await publisher?.stop()
    devices = null
    publisher = null
    starting = null
    clearInterval(reporter)
    reportMetrics()
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  function handle(filter: string, handler: TopicHandler, options: TopicHandlerOptions = {}): TopicSubscription {
    assertFilter(filter)
    const { timeout = HANDLER_TIMEOUT_MS, concurrency = HANDLER_WINDOW, shared = true, name: label } = options
    if (!(timeout > 0 && timeout <= 0x7fffffff)) throw invalid(`timeout must be from 1 to 2,147,483,647 ms, not ${timeout}`)
    if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 65_535))
      throw invalid(`concurrency must be a whole number from 1 to 65,535, not ${concurrency}`)
    if (label !== undefined && !/^[A-Za-z0-9_-]+$/.test(label))
      throw invalid(`name "${label}" may hold letters, digits, _ and - only`)
    const id = handlerClientId(clientId, filter, label)
    if (handlers.has(id) || id === `${clientId}-pub`)
      throw invalid(`"${filter}" has a handler already; give the second one a \`name\``)

    let resolveReady: (ready: Promise<void>) => void = () => {}
    const ready = new Promise<void>((resolve) => {
      resolveReady = resolve
    })
    ready.catch(() => {})
    const create = () => {
      const stopping = new AbortController()
      const session = createSession({
        settings,
        clientId: id,
        subscriptions: { filters: [inGroup(filter, shared ? sharedGroup : null)], qos: options.qos ?? 1 },
        window: concurrency,
        consumer: createHandlerConsumer({ filter, handler, timeout, hub, broker: name, counters, stopping: stopping.signal }),
        counters,
        now,
        logger,
      })
      return { session, end: () => stopping.abort() }
    }
    const entry: HandlerSession = { clientId: id, create, running: null, resolveReady }
    handlers.set(id, entry)
    if (devices !== null) run(entry)

    const unsubscribe = async () => {
      if (handlers.get(id) !== entry) return
      handlers.delete(id)
      const { running } = entry
      entry.running = null
      try {
        await running?.session.leave()
      } finally {
        running?.end()
      }
    }
    return Object.assign(unsubscribe, { ready })
  }

  const invalid = (message: string) => new HubError('invalid_options', message)

  async function adopt(deadId: string): Promise<AdoptResult> {
    if (deadId === clientId)
      throw invalid(`cannot adopt ${deadId}: it is the client id of this listener; its session resumes with start()`)
    throw new Error('not yet')
  }

  const broker: Broker = {
    name,
    start: () => (starting ??= connectAll()),
    stop,
    async publish(message: OutboundMessage) {
      if (publisher === null) throw unavailable(`the listener of the broker at ${url} is not started`)
      return publisher.publish(message)
    },
    handle,
    adopt,
    stats: () => {
      const all = sessions()
      return {
        ...counters,
        state: all.find(({ state }) => state !== 'connected')?.state ?? (all.length > 0 ? 'connected' : 'idle'),
        inFlight: all.reduce((sum, { inFlight }) => sum + inFlight, 0),
        publishing: publisher?.inFlight ?? 0,
      }
    },
  }
  return broker
}

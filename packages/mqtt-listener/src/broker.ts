import { DeviceHubError, type OutboundMessage, type Transport } from '@devicehub/core'
import { adoptSession } from './adopt.js'
import { type Counters, createCounters, createMetricsReporter } from './counters.js'
import { type HandlerSpec, handlerSpec } from './handler-spec.js'
import type { ConnectionState } from './keep-connected.js'
import { asError, closedError, unavailable } from './link-error.js'
import type { ListenerHub } from './listener-hub.js'
import type { BrokerSettings } from './options.js'
import { createPublisher, type Publisher } from './publisher.js'
import { createSession, type Session } from './session.js'
import { type Subscriptions, typeFilters } from './subscriptions.js'
import { createHandlerConsumer, type TopicHandler, type TopicHandlerOptions } from './topic-handler.js'

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

/** Call it to unsubscribe: what is queued is handled first, then the broker forgets the handler's session. */
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

interface RunningSession {
  readonly session: Session
  /** Lets go of calls that are still running. */
  readonly end: () => void
}

interface Handler {
  readonly spec: HandlerSpec
  running: RunningSession | null
  readonly settleReady: (ready: Promise<void>) => void
}

const REPORT_EVERY_MS = 1_000

export function createBroker(hub: ListenerHub, settings: BrokerSettings): Broker {
  const { name, url, clientId } = settings
  const { logger } = hub
  const counters = createCounters()
  const reportMetrics = createMetricsReporter(hub.metrics, counters, name)
  const common = { settings, counters, logger, now: () => hub.clock.now() }
  /** By client id. */
  const handlers = new Map<string, Handler>()
  let devices: Session | null = null
  let publisher: Publisher | null = null
  let starting: Promise<void> | null = null
  let stopping: Promise<void> | null = null
  let stopped = new AbortController()
  let startedBefore = false

  const deviceSpec = () => ({
    subscriptions: {
      filters: typeFilters(hub.types, hub.topicPrefix, settings),
      qos: settings.qos,
    } satisfies Subscriptions,
    window: settings.window,
    consumer: hub.ingest,
  })

  const consumerOf = (spec: HandlerSpec, signal: AbortSignal) =>
    createHandlerConsumer({ ...spec, hub, broker: name, counters, stopping: signal })

  const sessions = (): Session[] => [
    ...(devices === null ? [] : [devices]),
    ...[...handlers.values()].flatMap(({ running }) => (running === null ? [] : [running.session])),
  ]

  function run(id: string, handler: Handler): void {
    const { subscriptions, window } = handler.spec
    const abort = new AbortController()
    const consumer = consumerOf(handler.spec, abort.signal)
    const session = createSession({ ...common, clientId: id, subscriptions, window, consumer })
    handler.running = { session, end: () => abort.abort() }
    session.start()
    handler.settleReady(session.ready())
  }

  async function start(): Promise<void> {
    const detach = hub.attach(broker)
    const reporter = setInterval(reportMetrics, REPORT_EVERY_MS).unref()
    startedBefore = true
    stopped = new AbortController()
    stopped.signal.addEventListener('abort', () => {
      detach()
      clearInterval(reporter)
    })
    publisher = createPublisher({ settings, clientId: `${clientId}-pub`, counters, logger })
    devices = createSession({ ...common, clientId, ...deviceSpec() })
    devices.start()
    for (const [id, handler] of handlers) run(id, handler)
    try {
      await ready([...sessions(), publisher], stopped.signal)
    } catch (error) {
      await stop()
      throw error
    }
  }

  async function ready(all: readonly (Session | Publisher)[], signal: AbortSignal): Promise<void> {
    const { connectTimeout } = settings
    let timer: NodeJS.Timeout | undefined
    const givenUp = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () =>
        reject(unavailable(`the listener of ${url} was stopped while it started`)),
      )
      timer = setTimeout(() => {
        const cause = all.map(({ lastError }) => lastError).find((error) => error !== null)
        const reason = cause?.message ?? `the broker at ${url} did not answer`
        reject(unavailable(`not connected and subscribed within ${connectTimeout} ms: ${reason}`, cause))
      }, connectTimeout)
    })
    const permanent = (error: unknown) =>
      new DeviceHubError('invalid_options', asError(error).message, { cause: error })
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
    if (devices === null) return Promise.resolve()
    stopping ??= end(leave).finally(() => {
      stopping = null
    })
    return stopping
  }

  async function end(leave: boolean): Promise<void> {
    stopped.abort()
    const results = await Promise.allSettled(
      sessions().map((session) => (leave ? session.leave() : session.stop())),
    )
    for (const handler of handlers.values()) {
      handler.running?.end()
      handler.running = null
    }
    // Handlers may publish until they are done: the publisher goes last.
    await publisher?.stop()
    devices = null
    publisher = null
    starting = null
    reportMetrics()
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  function handle(filter: string, fn: TopicHandler, options: TopicHandlerOptions = {}): TopicSubscription {
    const spec = handlerSpec(filter, fn, options, settings)
    const id = spec.clientIdOf(clientId)
    if (handlers.has(id))
      throw new DeviceHubError(
        'invalid_options',
        `"${filter}" has a handler already; give this one a \`name\``,
      )
    let settleReady: (ready: Promise<void>) => void = () => {}
    const whenReady = new Promise<void>((resolve) => {
      settleReady = resolve
    })
    whenReady.catch(() => {})
    const handler: Handler = { spec, running: null, settleReady }
    handlers.set(id, handler)
    if (devices !== null && stopping === null) run(id, handler)
    return Object.assign(() => forget(id, handler), { ready: whenReady })
  }

  async function forget(id: string, handler: Handler): Promise<void> {
    if (handlers.get(id) !== handler) return
    handlers.delete(id)
    const { running } = handler
    handler.running = null
    try {
      await running?.session.leave()
    } finally {
      running?.end()
    }
  }

  async function adopt(deadId: string): Promise<AdoptResult> {
    if (deadId === clientId || handlers.has(deadId) || deadId === `${clientId}-pub`)
      throw new DeviceHubError(
        'invalid_options',
        `${deadId} is this listener's own client id; start() resumes its session`,
      )
    const abort = new AbortController()
    const adopted: (number | null)[] = []
    try {
      adopted.push(await adoptSession({ ...common, clientId: deadId, ...deviceSpec() }))
      for (const { spec } of handlers.values()) {
        const { subscriptions, window } = spec
        const consumer = consumerOf(spec, abort.signal)
        adopted.push(
          await adoptSession({
            ...common,
            clientId: spec.clientIdOf(deadId),
            subscriptions,
            window,
            consumer,
          }),
        )
      }
    } finally {
      abort.abort()
    }
    const found = adopted.filter((messages) => messages !== null)
    const messages = found.reduce((sum, each) => sum + each, 0)
    logger.info(
      { broker: name, clientId: deadId, sessions: found.length, messages },
      'adopted the sessions of a replica',
    )
    return { sessions: found.length, messages }
  }

  const broker: Broker = {
    name,
    start: () => (starting ??= start()),
    stop,
    async publish(message: OutboundMessage) {
      if (publisher !== null) return publisher.publish(message)
      if (startedBefore) throw closedError(`the listener of the broker at ${url} was stopped`)
      throw unavailable(`the listener of the broker at ${url} is not started`)
    },
    handle,
    adopt,
    stats() {
      const all = sessions()
      const notConnected = all.find(({ state }) => state !== 'connected')
      return {
        ...counters,
        state: all.length === 0 ? 'idle' : (notConnected?.state ?? 'connected'),
        inFlight: all.reduce((sum, { inFlight }) => sum + inFlight, 0),
        publishing: publisher?.inFlight ?? 0,
      }
    },
  }
  return broker
}

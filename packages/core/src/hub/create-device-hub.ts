import { accept, outboundMessage } from '../check/index.js'
import { createReplyResolver } from '../commands/resolve-replies.js'
import { createCommandTracker } from '../commands/tracker.js'
import type { ConsumeHandler, ConsumeOptions, Consumer } from '../consumer/consumer.js'
import { createMessageReader } from '../consumer/read-message.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { createDispatcher } from '../dispatch/dispatcher.js'
import { type DispatchContext, lookForCommands } from '../dispatch/publish-commands.js'
import { lookForDesired } from '../dispatch/publish-desired.js'
import { createAnnouncer } from '../ingest/announce.js'
import { createIngest } from '../ingest/create-ingest.js'
import { createDeviceDirectory, knownDevice } from '../ingest/device-directory.js'
import type { Ingest, Refusal } from '../ingest/ingest.js'
import type { IngestStats } from '../ingest/ingest-stats.js'
import { createMessagePlanner } from '../ingest/plan-message.js'
import { type Clock, systemClock } from '../ports/clock.js'
import { randomIds } from '../ports/ids.js'
import { consoleLogger, type Logger } from '../ports/logger.js'
import { type Metrics, noMetrics } from '../ports/metrics.js'
import { noSignals, type SignalSink } from '../ports/signals.js'
import type { DeviceRecord, StatusTransition, Storage } from '../ports/storage.js'
import type { InboundMessage, OutboundMessage, Transport } from '../ports/transport.js'
import { createRegistry, type Registry } from '../registry.js'
import { memoryStorage } from '../storage/index.js'
import { doneWithin } from '../timing/done-within.js'
import { type AttachedHandler, acceptHandlerName, createAttachedHandlers } from './attached-handlers.js'
import type { CommandsApi } from './commands-api.js'
import { type ConsumersApi, createConsumers } from './consumers-api.js'
import { createCommands } from './create-commands.js'
import { createCredentials } from './create-credentials.js'
import { createSessions } from './create-sessions.js'
import type { CredentialsApi } from './credentials-api.js'
import {
  acceptHub,
  CACHE,
  COMMANDS,
  type DeviceHubOptions,
  hubPolicies,
  LIMITS,
} from './device-hub-options.js'
import { createDevicesApi, type DevicesApi } from './devices-api.js'
import { createMessagesApi, type MessagesApi } from './messages-api.js'
import { createReadingsApi, type ReadingsApi } from './readings-api.js'
import { acceptAnnouncement, acceptBroker, acceptRefusal, CLOSE, createAssertType } from './rules.js'
import type { SessionsApi } from './sessions-api.js'
import { createSharedGroups, type SharedGroups } from './shared-groups.js'
import { createTransports } from './transports.js'
import { createTwinApi, type TwinApi } from './twins-api.js'

export interface HubStats {
  readonly ingest: IngestStats
  readonly devicesCached: number
}

export interface DeviceHub<Signals extends SignalSink = SignalSink> {
  readonly registry: Registry
  readonly types: readonly AnyDeviceType[]
  readonly topicPrefix: string
  /** Characters. */
  readonly deviceIdMaxLength: number
  readonly storage: Storage
  readonly signals: Signals
  readonly ingest: Ingest
  readonly devices: DevicesApi
  readonly readings: ReadingsApi
  readonly messages: MessagesApi
  readonly commands: CommandsApi
  /** Desired and reported state of the devices of a type. `unknown_type` for one that is not of this hub. */
  twin<T extends AnyDeviceType>(type: T): TwinApi<T>
  /** Who somebody is that shows credentials; `@devicehub/provision` issues them. */
  readonly credentials: CredentialsApi
  /** What brokers tell of connections. */
  readonly sessions: SessionsApi
  readonly consumers: ConsumersApi
  /**
   * Hands every message of the log to `handler`, in batches, at least once and in order for each device: also those
   * stored by other processes, and those stored while nobody ran it. Its place is kept in the database under `name`, and
   * one process at a time runs it, however many call this. What the handler fails for is tried again, in the end set
   * aside. `invalid_options` for an ill-formed name or option.
   *
   * @example
   * hub.consume('billing', { types: [Meter], channels: ['data'] }, async ({ messages, signal }) => {
   *   for (const { key, deviceId, samples } of messages) await bill(key, deviceId, samples, signal)
   * })
   */
  consume<T extends AnyDeviceType>(
    name: string,
    options: ConsumeOptions<T>,
    handler: ConsumeHandler<T>,
  ): Consumer
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  /**
   * An audit row in `devicehub_message` for a message that a topic handler could not handle. Resolves after its commit.
   * With the name of the handler, a replay goes through it again: see `attachHandler`.
   */
  quarantine(message: InboundMessage, refusal: Refusal, handler?: string): Promise<void>
  /** Makes a topic handler of a transport known to replays; returns the way to undo it. */
  attachHandler(handler: AttachedHandler): () => void
  /** Tells signals, hooks and waiting consumers of a status change that was committed beside ingest; `record` is the device before it. */
  announce(transition: StatusTransition, record: DeviceRecord, reason: string): void
  /** Where listeners may share the messages in a group. */
  readonly sharedGroups: SharedGroups
  /** Makes a transport known under its broker's name; returns the way to undo it. */
  attach(transport: Transport): () => void
  /** Whether a transport is attached for that broker. */
  isServed(broker: string): boolean
  /** Publishes at the named broker; default `default`. `transport_unavailable` when none of that name is attached. */
  publish(message: OutboundMessage, broker?: string): Promise<void>
  stats(): HubStats
  /**
   * Stops the attached transports, commits what was taken and waits for the consumers' handlers, for at most `timeout`
   * milliseconds each (default 10,000), closes the storage. What could not be committed was never acknowledged.
   */
  close(options?: { readonly timeout?: number }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** One hub: types, a database, and the way of a message between them. Nothing is shared between two hubs of a process. */
/** Milliseconds that transports get to end once nothing is going to be committed any more. */
const STOP_GRACE = 1_000

export function createDeviceHub<Signals extends SignalSink = SignalSink>(
  given: DeviceHubOptions<Signals>,
): DeviceHub<Signals> {
  const options = acceptHub<Signals>(given)
  const registry = 'get' in options.types ? options.types : createRegistry(options.types)
  const types = registry.all()
  const assertType = createAssertType(types)
  const clock = options.clock ?? systemClock
  const logger = options.logger ?? consoleLogger
  const metrics = options.metrics ?? noMetrics
  const signals = options.signals ?? (noSignals as Signals)
  const topicPrefix = options.topicPrefix ?? 'things'
  const deviceIdMaxLength = options.deviceIdMaxLength ?? 128
  const cache = { ...CACHE, ...options.deviceCache }
  const commandLimits = { ...COMMANDS, ...options.commands }
  const policies = hubPolicies(options)

  const storage = (options.storage ?? memoryStorage()).open({ types })
  const limits = { ...LIMITS, maxBatch: storage.preferredBatch ?? LIMITS.maxBatch, ...options.ingest }
  const directory = createDeviceDirectory(storage, clock, {
    max: cache.max,
    refreshAfter: cache.refreshAfter * 1000,
    unknownFor: cache.unknownFor * 1000,
  })
  const maxSamples = options.maxSamples ?? 10_000
  const planner = createMessagePlanner({
    types,
    topicPrefix,
    policies,
    clock,
    deviceIdMaxLength,
    maxPayload: options.maxPayload ?? 1 << 20,
    maxSamples,
  })
  /** Who claims, in the database, for this run of the process. */
  const holder = randomIds.next()
  const consumers = createConsumers({
    storage,
    types,
    assertType,
    read: createMessageReader({ types, policies, maxSamples }),
    clock,
    logger,
    metrics,
    holder,
  })
  const announcer = createAnnouncer({ directory, signals, logger, metrics })
  const tracker = createCommandTracker({
    commands: storage.commands,
    logger,
    every: { first: 200, next: 500 },
  })
  const handlers = createAttachedHandlers()
  const transports = createTransports(() => dispatcher.start())
  const pipeline = createIngest({
    storage,
    directory,
    planner,
    announcer,
    clock,
    logger,
    metrics,
    limits,
    onStored: consumers.wake,
    resolveReplies: createReplyResolver({
      commands: storage.commands,
      tracker,
      maxResult: commandLimits.maxResult,
    }),
    onCommand: ({ record }) => record && tracker.settle(record),
    onReachable: () => dispatcher.wake(),
    lastSeenEvery: cache.lastSeenEvery * 1000,
    unknownDevice: (type) => type.options.unknownDevice ?? policies.unknownDevice,
  })
  const dispatch: DispatchContext = {
    storage,
    types,
    directory,
    topicPrefix,
    deviceIdMaxLength,
    clock,
    logger,
    metrics,
    publish: transports.publish,
    canPublish: transports.has,
    record: pipeline.record,
    claim: holder,
    chains: new Map(),
  }
  const dispatcher = createDispatcher({
    looks: [() => lookForCommands(dispatch), () => lookForDesired(dispatch)],
    every: commandLimits.lookEvery * 1000,
    maxRunning: commandLimits.maxRunning,
    logger,
  })

  const credentials = createCredentials(options.credentials, { storage, types, clock, metrics })

  let closing: Promise<void> | undefined
  /** `timeout` is for all of it: what is left of it is for the next step. */
  async function close(timeout: number): Promise<void> {
    const deadline = performance.now() + timeout
    const left = () => Math.max(0, deadline - performance.now())
    credentials.close()
    await dispatcher.close(left())
    const stopped = transports
      .stop()
      .catch((err: unknown) => logger.error({ err }, 'a transport did not stop cleanly'))
    await doneWithin(left(), stopped)
    await Promise.all([pipeline.close(left()), consumers.close(left())])
    // What was not committed in time has failed now: nothing keeps a transport from ending.
    if (!(await doneWithin(STOP_GRACE, stopped)))
      logger.error({ timeout }, 'the hub closes before its transports have stopped')
    tracker.close()
    await storage.close()
  }

  const hub: DeviceHub<Signals> = {
    registry,
    types,
    topicPrefix,
    deviceIdMaxLength,
    storage,
    signals,
    ingest: pipeline.ingest,
    devices: createDevicesApi({
      storage,
      directory,
      clock,
      deviceIdMaxLength,
      assertType,
      onReachable: () => dispatcher.wake(),
    }),
    readings: createReadingsApi(storage, assertType),
    messages: createMessagesApi({ storage, assertType, handlers, pipeline }),
    commands: createCommands({
      ...dispatch,
      tracker,
      dispatcher,
      assertType,
      maxPayload: commandLimits.maxPayload,
    }),
    twin(type) {
      assertType('hub.twin', type)
      return createTwinApi(type, { storage, clock, dispatcher, deviceIdMaxLength })
    },
    credentials: credentials.api,
    sessions: createSessions({ pipeline, topicPrefix, deviceIdMaxLength, clock, assertType }),
    consumers: consumers.api,
    consume: (name, consumeOptions, handler) =>
      consumers.consume(name, consumeOptions, handler as ConsumeHandler),
    logger,
    metrics,
    clock,
    async quarantine(message, given, handler) {
      const refusal = acceptRefusal(given)
      const named = handler === undefined ? {} : { handler: acceptHandlerName(handler) }
      await pipeline.quarantine(message, refusal, named)
    },
    attachHandler: handlers.attach,
    announce(given, row, text) {
      const { transition, record, reason } = acceptAnnouncement(given, row, text)
      directory.forget(transition.type, record.deviceId)
      announcer.transition(transition, knownDevice(record, clock.now()), reason)
      consumers.wake()
    },
    sharedGroups: createSharedGroups(),
    attach: transports.attach,
    isServed: transports.has,
    async publish(message, broker) {
      const outbound = accept('hub.publish', 'message', outboundMessage, message)
      await transports.publish(outbound, acceptBroker(broker))
    },
    stats: () => ({ ingest: pipeline.stats(), devicesCached: directory.size }),
    async close(how = {}) {
      const { timeout = 10_000 } = accept('hub.close', 'options', CLOSE, how)
      closing ??= close(timeout)
      await closing
    },
    [Symbol.asyncDispose]: () => hub.close(),
  }
  return hub
}

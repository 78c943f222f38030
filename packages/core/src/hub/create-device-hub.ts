import { doneWithin } from '@devicehub-internal/async'
import { createCommandQueue } from '../commands/command-queue.js'
import { createReplyResolver } from '../commands/resolve-replies.js'
import { createCommandTracker } from '../commands/tracker.js'
import type { ConsumeHandler } from '../consumer/consumer.js'
import { createMessageReader } from '../consumer/read-message.js'
import { createDispatcher } from '../dispatch/dispatcher.js'
import { type DispatchContext, lookForCommands } from '../dispatch/publish-commands.js'
import { lookForDesired } from '../dispatch/publish-desired.js'
import { createSentNotes } from '../dispatch/sent-notes.js'
import { createUnconfirmed } from '../dispatch/unconfirmed.js'
import { createAnnouncer } from '../ingest/announce.js'
import { createIngest } from '../ingest/create-ingest.js'
import { createDeviceDirectory, knownDevice } from '../ingest/device-directory.js'
import { createMessagePlanner } from '../ingest/plan-message.js'
import { memoryStorage } from '../memory/memory-storage.js'
import { accept, closeOptions } from '../model/check/index.js'
import { optionsOf, takePolicies } from '../model/device-type/effective-options.js'
import { createRegistry } from '../model/registry.js'
import { topicOf } from '../model/topic/build-topic.js'
import { DEFAULT_TOPIC_PREFIX, DEVICE_ID_MAX_LENGTH } from '../model/topic/index.js'
import { outboundMessage } from '../ports/checks.js'
import { systemClock } from '../ports/clock.js'
import type { DeviceRecord } from '../ports/devices.js'
import { randomIds } from '../ports/ids.js'
import { consoleLogger } from '../ports/logger.js'
import { noMetrics } from '../ports/metrics.js'
import { noSignals, type SignalSink, type SignalsOf } from '../ports/signals.js'
import type { StatusTransition } from '../ports/storage.js'
import { METADATA_BYTES } from '../rules/device-row.js'
import { createFaultLog } from '../rules/fault-log.js'
import { acceptHandlerName, createAttachedHandlers } from './attached-handlers.js'
import { createConsumers } from './consumers-api.js'
import { createCommands } from './create-commands.js'
import { createCredentials } from './create-credentials.js'
import { createDevicesApi } from './create-devices-api.js'
import { createSessions } from './create-sessions.js'
import type { DeviceHub } from './device-hub.js'
import { acceptHub, CACHE, COMMANDS, type DeviceHubOptions, LIMITS } from './device-hub-options.js'
import { createMarks } from './devices-api.js'
import { createMessagesApi } from './messages-api.js'
import { createOpenParts } from './open-parts.js'
import { openStorage } from './open-storage.js'
import { createReadingsApi } from './readings-api.js'
import { acceptAnnouncement, acceptBroker, acceptRefusal, createAssertType } from './rules.js'
import { createScopedHub, type HubParts } from './scope/create-scoped-hub.js'
import { acceptScope } from './scope/scope.js'
import { createSharedGroups } from './shared-groups.js'
import { createTransports } from './transports.js'
import { createTwinApi } from './twins-api.js'

export type { DeviceHub, HubStats } from './device-hub.js'

/** Milliseconds that transports get to end once nothing is going to be committed any more. */
const STOP_GRACE = 1_000

/**
 * One hub: types, a database, and the way of a message between them. Nothing is shared between two hubs of a process.
 *
 * @example
 * import { createDeviceHub, defineDeviceType, reading } from '@devicehub/core'
 *
 * const Meter = defineDeviceType('meter', { readings: { power: reading.float({ unit: 'kW' }) } })
 * const hub = createDeviceHub({ types: [Meter] })
 * await hub.storage.migrate()
 */
export function createDeviceHub<Signals extends SignalSink = SignalSink>(
  given: DeviceHubOptions<Signals>,
): DeviceHub<SignalsOf<Signals>> {
  const options = acceptHub<Signals>(given)
  const registry = 'get' in options.types ? options.types : createRegistry(options.types)
  const types = registry.all()
  const assertType = createAssertType(types)
  const clock = options.clock ?? systemClock
  const logger = options.logger ?? consoleLogger
  const metrics = options.metrics ?? noMetrics
  const signals = (options.signals ?? noSignals) as SignalsOf<Signals>
  const topicPrefix = options.topicPrefix ?? DEFAULT_TOPIC_PREFIX
  const { deviceIdMaxLength = DEVICE_ID_MAX_LENGTH, maxMetadata = METADATA_BYTES } = options
  const cache = { ...CACHE, ...options.deviceCache }
  const commandLimits = { ...COMMANDS, ...options.commands }
  const policies = takePolicies('createDeviceHub', options)

  const storage = openStorage(options.storage ?? memoryStorage(), types)
  const { control, preferredBatch } = storage.capabilities
  const limits = { ...LIMITS, maxBatch: preferredBatch, ...options.ingest }
  const directory = createDeviceDirectory(storage, clock, {
    max: cache.maxEntries,
    refreshAfter: cache.refreshAfter,
    unknownFor: cache.unknownFor,
  })
  const maxSamples = options.maxSamples ?? 10_000
  const planner = createMessagePlanner({
    types,
    topicPrefix,
    policies,
    deviceIdMaxLength,
    maxPayload: options.maxPayload ?? 1 << 20,
    maxSamples,
    control,
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
  const openParts = createOpenParts(logger)
  const transports = createTransports({
    onAttached: () => control && dispatcher.start(),
    isClosed: openParts.isClosed,
  })
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
    findCommands: createReplyResolver({
      commands: storage.commands,
      tracker,
      maxResult: commandLimits.maxResult,
    }),
    onCommand: ({ record }) => record && tracker.settle(record),
    beforeReply: (commandId) => notes.release(commandId),
    onReachable: () => dispatcher.wake(),
    lastSeenEvery: cache.lastSeenEvery,
    unknownDevice: (type) => type.options.unknownDevice ?? policies.unknownDevice,
  })
  const notes = createSentNotes(pipeline.record)
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
    record(message) {
      if (message.command) notes.release(message.command.id)
      return pipeline.record(message)
    },
    notes,
    claim: holder,
    chains: new Map(),
    unconfirmed: createUnconfirmed(),
    faults: { commands: createFaultLog(), desired: createFaultLog() },
  }
  const dispatcher = createDispatcher({
    looks: [() => lookForCommands(dispatch), () => lookForDesired(dispatch)],
    every: commandLimits.lookEvery,
    concurrency: commandLimits.concurrency,
    logger,
  })

  const credentials = createCredentials(options.credentials, { storage, types, clock, metrics })

  let closing: Promise<void> | undefined
  /** `timeoutMs` is for all of it: what is left of it is for the next step. */
  async function close(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    const left = () => Math.max(0, deadline - performance.now())
    const ended = openParts.close()
    credentials.close()
    notes.close()
    await dispatcher.close(left())
    const stopped = transports
      .stop()
      .catch((err: unknown) => logger.error({ err }, 'a transport did not stop cleanly'))
    await doneWithin(left(), stopped)
    await Promise.all([pipeline.close(left()), consumers.close(left())])
    // What was not committed in time has failed now: nothing keeps a transport from ending.
    if (!(await doneWithin(STOP_GRACE, stopped)))
      logger.error({ timeoutMs }, 'the hub closes before its transports have stopped')
    tracker.close()
    await doneWithin(left(), ended)
    await storage.close()
  }

  function announce(transition: StatusTransition, record: DeviceRecord, reason: string): void {
    directory.forget(transition.type, record.deviceId)
    announcer.transition(transition, knownDevice(record, clock.now()), reason)
    consumers.wake()
  }

  const devices = {
    directory,
    clock,
    deviceIdMaxLength,
    maxMetadata,
    topicPrefix,
    announce,
    onReachable: () => dispatcher.wake(),
  }
  const commands = {
    ...dispatch,
    queue: createCommandQueue({ ...dispatch, dispatcher }),
    tracker,
    maxPayload: commandLimits.maxPayload,
  }
  const parts: HubParts = {
    storage,
    devices,
    messages: { handlers, pipeline },
    commands,
    twins: { clock, dispatcher, deviceIdMaxLength },
    optionsOf: (type) => optionsOf(type, policies),
  }

  const hub: DeviceHub<SignalsOf<Signals>> = {
    registry,
    types,
    topicPrefix,
    deviceIdMaxLength,
    maxMetadata,
    storage,
    signals,
    ingest: pipeline.ingest,
    devices: {
      ...createDevicesApi({ ...devices, storage, types, assertType }),
      ...createMarks({ ...devices, storage, assertType }),
    },
    readings: createReadingsApi(storage, assertType, clock),
    messages: createMessagesApi({ ...parts.messages, storage, assertType }),
    commands: createCommands({ ...commands, storage, types, assertType }),
    twin(type) {
      assertType('hub.twin', type)
      return createTwinApi(type, { ...parts.twins, storage })
    },
    scoped: (scope) =>
      createScopedHub(
        parts,
        acceptScope(types, () => clock.now(), scope),
      ),
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
      announce(transition, record, reason)
    },
    sharedGroups: createSharedGroups(),
    attach: transports.attach,
    isServed: transports.has,
    onClose: openParts.onClose,
    typeOptions(type) {
      assertType('hub.typeOptions', type)
      return optionsOf(type, policies)
    },
    topic(type, deviceId, channel = 'data') {
      assertType('hub.topic', type)
      return topicOf(type, deviceId, channel, { prefix: topicPrefix, deviceIdMaxLength })
    },
    async publish(message, broker) {
      const { expiresIn, ...outbound } = accept('hub.publish', 'message', outboundMessage, message)
      // As text: a transport checks it again.
      const expiry = expiresIn === undefined ? {} : { expiresIn: `${expiresIn}s` as const }
      await transports.publish({ ...outbound, ...expiry }, acceptBroker(broker))
    },
    stats: () => ({ ingest: pipeline.stats(), devicesCached: directory.size }),
    async close(how = {}) {
      const { timeout: timeoutMs = 10_000 } = accept('hub.close', 'options', closeOptions, how)
      closing ??= close(timeoutMs)
      await closing
    },
    [Symbol.asyncDispose]: () => hub.close(),
  }
  return hub
}

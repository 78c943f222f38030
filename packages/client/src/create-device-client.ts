import {
  type AnyDeviceType,
  createBackoff,
  DeviceHubError,
  defineDeviceType,
  deviceTopics,
  isDeviceType,
  jsonCodec,
} from '@devicehub/core/definition'
import type { IClientOptions } from 'mqtt'
import { beforeDeadline } from './before-deadline.js'
import { type BrokerConnection, openConnection } from './broker-connection.js'
import { type AnyCommandHandler, createCommands } from './commands.js'
import { createConnector } from './connector.js'
import type {
  BatchSample,
  ClientEvents,
  ClientState,
  DeviceClient,
  DeviceDeclaration,
  RecordOptions,
  StatusReport,
  UntypedDevice,
} from './device-client.js'
import { type DeviceClientOptions, resolveOptions } from './device-client-options.js'
import { createEventEmitter } from './event-emitter.js'
import { mqttOptions } from './mqtt-options.js'
import { createDurableQueue } from './outbox/durable-queue.js'
import { createPublisher } from './publisher.js'
import { isSlowDown, reasonName, reasonOf } from './reason-codes.js'
import { createSampleEncoder } from './sample.js'
import { createMemoryQueue, type SampleQueue } from './sample-queue.js'
import { createStatusMemory, OFFLINE } from './status.js'

/**
 * The device side of a hub. With a device type, readings and commands are typed and checked by it; with
 * `{ type: 'name' }` they are not.
 */
export function createDeviceClient<Type extends AnyDeviceType>(
  type: Type,
  options: DeviceClientOptions,
): DeviceClient<Type>
export function createDeviceClient(device: UntypedDevice, options: DeviceClientOptions): DeviceClient
export function createDeviceClient(declaration: DeviceDeclaration, given: DeviceClientOptions): DeviceClient {
  const options = resolveOptions(given)
  const { deviceId } = options
  const type = isDeviceType(declaration) ? declaration : null
  const named = type ?? placeholder(declaration as UntypedDevice)
  const topics = deviceTopics(named, deviceId, { prefix: options.topicPrefix })
  const clientId = options.clientId ?? `${named.key}-${deviceId}`
  const codec = type?.options.codec ?? jsonCodec
  const encodeSample = createSampleEncoder(type, codec === jsonCodec ? 'base64' : 'bytes')
  const status = createStatusMemory()
  const events = createEventEmitter<ClientEvents>((error) => {
    const reason = error instanceof Error ? error.message : String(error)
    // An error handler that fails has nobody else to tell.
    printError(
      new DeviceHubError('handler_failed', `an event handler of the client failed: ${reason}`, {
        cause: error,
      }),
    )
  })
  let state: ClientState = 'idle'
  let connections = 0
  let connecting: Promise<void> | null = null
  let closing: Promise<void> | null = null

  function enter(next: ClientState): void {
    if (state === next) return
    state = next
    events.emit('state', next)
  }

  function report(error: DeviceHubError): void {
    if (events.has('error')) events.emit('error', error)
    else printError(error)
  }

  const commands = createCommands({ type, codec, maxRunning: options.maxRunningCommands, onError: report })
  const publisher = createPublisher({
    maxQueued: options.maxQueued,
    maxQueuedBytes: options.maxQueuedBytes,
    maxInFlight: options.maxInFlight,
    maxAttempts: options.maxAttempts,
    ackTimeoutMs: options.ackTimeout * 1000,
    onStalled: () => connector.renew(new Error(`the broker confirmed nothing for ${options.ackTimeout} s`)),
  })
  const connector = createConnector({
    open: async (onLost, signal) =>
      openConnection(options.url, await connectOptions(), { onLost, onMessage: receive }, signal),
    prepare,
    onUp(connection) {
      connections++
      enter('connected')
      publisher.attach(connection)
      samples.resume()
    },
    onDown({ reasonCode }) {
      samples.pause()
      publisher.detach(reasonCode)
      if (state === 'connected') enter('reconnecting')
    },
    onError: report,
    backoff: createBackoff(options.reconnect),
    place: `the broker at ${options.url}`,
    clientId,
  })

  const encode = (channel: 'data' | 'status', value: unknown) => codec.encode(value, { channel })
  const { maxBatchSamples, maxBatchBytes } = options
  const samples: SampleQueue =
    options.outbox === 'memory'
      ? createMemoryQueue({
          publisher,
          topic: topics.data,
          encode: (value) => encode('data', value),
          maxBatchSamples,
          maxBatchBytes,
          assertOpen: () => assertOpen('cannot record'),
        })
      : createDurableQueue({
          ...options.outbox,
          publisher,
          topic: topics.data,
          codec,
          maxWaiting: options.maxQueued,
          maxWaitingBytes: options.maxQueuedBytes,
          maxBatchSamples,
          maxBatchBytes,
          maxAttempts: options.maxAttempts,
          onError: report,
        })

  async function connectOptions(): Promise<IClientOptions> {
    const { credentials } = options
    const { username, password } =
      (typeof credentials === 'function' ? await credentials() : credentials) ?? {}
    return {
      ...mqttOptions(options),
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      will: {
        topic: topics.status,
        payload: encode('status', OFFLINE) as Buffer,
        qos: 1,
        retain: false,
        ...(options.protocolVersion === 5 ? { properties: { willDelayInterval: options.willDelay } } : {}),
      },
    }
  }

  async function prepare(connection: BrokerConnection): Promise<void> {
    if (type === null || Object.keys(type.commands).length > 0) await subscribe(connection)
    try {
      await connection.publish(topics.status, encode('status', status.birth()), { again: false })
    } catch (cause) {
      const reasonCode = reasonOf(cause)
      if (reasonCode === null || isSlowDown(reasonCode)) throw cause
      const message = `the broker refused the device's status on ${topics.status}: ${reasonName(reasonCode)}; may it publish there?`
      throw new DeviceHubError('connection_refused', message, { details: { reasonCode }, cause })
    }
  }

  /** A device that may not hear commands can still send: it is reported, and the rest goes on. */
  async function subscribe(connection: BrokerConnection): Promise<void> {
    try {
      await connection.subscribe(topics.cmd)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      report(
        new DeviceHubError(
          'transport_unavailable',
          `no commands: the subscription to ${topics.cmd} failed: ${reason}`,
          { cause },
        ),
      )
    }
  }

  function receive(packet: {
    topic: string
    payload: string | Buffer
    retain: boolean
    properties?: { contentType?: string }
  }): void {
    if (packet.topic !== topics.cmd) return
    commands.receive({
      payload: Buffer.from(packet.payload as Buffer),
      retained: packet.retain,
      contentType: packet.properties?.contentType,
    })
  }

  function assertOpen(what: string, offline = false): void {
    if (state === 'idle' && !offline)
      throw new DeviceHubError('transport_unavailable', `${what}: call connect() first`)
    if (state === 'closing' || state === 'closed')
      throw new DeviceHubError('closed', `${what}: the client was closed`)
  }

  function connect({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (closing !== null)
      return Promise.reject(new DeviceHubError('closed', 'cannot connect: the client was closed'))
    connecting ??= begin(signal)
    return connecting
  }

  async function begin(signal: AbortSignal | undefined): Promise<void> {
    enter('connecting')
    try {
      await samples.open()
      if (closing !== null) throw new DeviceHubError('closed', 'cannot connect: the client was closed')
      await connector.start(signal)
    } catch (error) {
      if (closing === null) {
        publisher.rejectAll(error as Error)
        connecting = null
        enter('idle')
      }
      throw error
    }
  }

  async function record(
    readings: Readonly<Record<string, unknown>>,
    recordOptions: RecordOptions = {},
  ): Promise<void> {
    assertOpen('cannot record', samples.takesOffline)
    await samples.record(encodeSample(readings, recordOptions), recordOptions.signal)
  }

  async function recordBatch(
    batch: readonly BatchSample<Readonly<Record<string, unknown>>>[],
    { signal }: Pick<RecordOptions, 'signal'> = {},
  ): Promise<void> {
    assertOpen('cannot record', samples.takesOffline)
    const encoded = batch.map(({ readings, ...sampleOptions }) => encodeSample(readings, sampleOptions))
    await samples.recordBatch(encoded, signal)
  }

  async function reportStatus(
    statusReport: StatusReport,
    { signal }: Pick<RecordOptions, 'signal'> = {},
  ): Promise<void> {
    assertOpen('cannot report the status')
    await publisher.push(topics.status, encode('status', status.report(statusReport)), signal)
  }

  async function close(timeout: number): Promise<void> {
    const wasIdle = state === 'idle'
    enter('closing')
    const deadline = Date.now() + timeout
    if (!wasIdle) await beforeDeadline(deadline, Promise.all([samples.idle(), commands.idle()]))
    const connection = connector.stop()
    if (connection !== null) {
      const farewell = async () => {
        await connection.publish(topics.status, encode('status', OFFLINE), { again: false })
        await connection.disconnect()
      }
      await beforeDeadline(
        Math.max(deadline, Date.now() + 1000),
        farewell().catch(() => {}),
      )
      connection.destroy()
    }
    const putAway = samples.close()
    publisher.detach(null)
    const { queued } = publisher.stats()
    publisher.rejectAll(
      new DeviceHubError('closed', `the client was closed with ${queued} publications unconfirmed`),
    )
    await putAway
    enter('closed')
  }

  const client = {
    deviceId,
    get state() {
      return state
    },
    connect,
    record,
    recordBatch,
    reportStatus,
    onCommand: (name: string, handler: AnyCommandHandler) => commands.handle(name, handler),
    on: events.on,
    room: samples.room,
    stats: () => ({ ...publisher.stats(), ...samples.stats(), connections }),
    close: ({ timeout = samples.closeTimeout }: { timeout?: number | undefined } = {}) => {
      closing ??= close(timeout)
      return closing
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
  return client as DeviceClient
}

/** Without fields: it checks the name and knows the topics. */
function placeholder({ type, topicTemplate }: UntypedDevice): AnyDeviceType {
  return defineDeviceType(type, { topicTemplate })
}

function printError(error: DeviceHubError): void {
  console.error(`devicehub client: ${error.message} (${error.code})`)
}

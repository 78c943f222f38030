import type { CloseOptions } from '@devicehub/core/check'
import {
  type AnyDeviceType,
  DEFAULT_HEARTBEAT_INTERVAL,
  DeviceHubError,
  deviceTopics,
  isDeviceType,
  jsonCodec,
} from '@devicehub/core/definition'
import { createBackoff, encodeWith, quietWhenClosed } from '@devicehub/core/transport'
import { doneWithin } from '@devicehub-internal/async'
import type { IPublishPacket } from 'mqtt'
import { announce, subscriptionsOf } from './announce.js'
import { type BrokerConnection, openConnection } from './broker-connection.js'
import { createClientEvents } from './client-events.js'
import { createCommands } from './commands/commands.js'
import { createConnector } from './connector.js'
import { createSampleQueue } from './create-sample-queue.js'
import type { ClientEvents, ClientState, DeviceClient, RecordOptions, StatusReport } from './device-client.js'
import type { DeviceClientOptions } from './device-client-options.js'
import { type DeviceDeclaration, placeholder, type UntypedDevice } from './device-declaration.js'
import { createHeartbeat } from './heartbeat.js'
import { connectOptions } from './mqtt-options.js'
import { acceptClose, acceptDeclaration, acceptEvent, acceptWait } from './option-rules.js'
import { createPublisher } from './publisher.js'
import { createRecording } from './recording.js'
import { resolveOptions } from './resolve-options.js'
import { createStatusMemory, OFFLINE } from './status.js'
import type { ReportOptions, State } from './twin/device-twin.js'
import { createTwin } from './twin/twin.js'

/**
 * The device side of a hub. With a device type, readings and commands are typed and checked by it; with
 * `{ type: 'name' }` they are not.
 *
 * Connects with `connect()`, not before. Throws `invalid_options` for an option or a URL that cannot work, and
 * `invalid_device_id`.
 *
 * @example
 * import { createDeviceClient } from '@devicehub/client'
 * import { WeatherStation } from './hub.js'
 *
 * const client = createDeviceClient(WeatherStation, { url: 'mqtts://broker.example.com:8883', deviceId: 'STATION-001' })
 * await client.connect()
 * await client.record({ temperature: 21.5 })
 */
export function createDeviceClient<Type extends AnyDeviceType>(
  type: Type,
  options: DeviceClientOptions,
): DeviceClient<Type>
/** Without a device type: readings, commands and state are not checked. */
export function createDeviceClient(device: UntypedDevice, options: DeviceClientOptions): DeviceClient
export function createDeviceClient(device: DeviceDeclaration, given: DeviceClientOptions): DeviceClient {
  const declaration = acceptDeclaration(device)
  const options = resolveOptions(given)
  const { deviceId } = options
  const type = isDeviceType(declaration) ? declaration : null
  const named = type ?? placeholder(declaration as UntypedDevice)
  const topics = deviceTopics(named, deviceId, { prefix: options.topicPrefix })
  const clientId = options.clientId ?? `${named.key}-${deviceId}`
  const codec = type?.options.codec ?? jsonCodec
  const binary = codec === jsonCodec ? 'base64' : 'bytes'
  const status = createStatusMemory()
  const { events, report, reportOutage, connected } = createClientEvents()
  let state: ClientState = 'idle'
  let connections = 0
  let up = false
  let connecting: Promise<void> | null = null
  let closing: Promise<void> | null = null

  function enter(next: ClientState): void {
    if (state === next) return
    state = next
    events.emit('state', next)
  }

  const publisher = createPublisher({
    maxQueued: options.maxQueued,
    maxQueuedBytes: options.maxQueuedBytes,
    maxInFlight: options.maxInFlight,
    maxAttempts: options.maxAttempts,
    ackTimeoutMs: options.ackTimeout,
    onStalled: () =>
      connector.renew(new Error(`the broker confirmed nothing for ${options.ackTimeout / 1000} s`)),
    onConfirmed: () => heartbeat.sign(),
  })
  const encode = (channel: 'data' | 'status', value: unknown) => encodeWith(codec, value, { channel })
  const commands = createCommands({
    type,
    codec,
    publisher,
    topic: topics.response,
    maxPending: options.maxPendingCommands,
    remembered: options.rememberedCommands,
    folder: options.outbox === 'memory' ? null : options.outbox.folder,
    onError: report,
  })
  const twin = createTwin({ type, codec, binary, publisher, topic: topics.state, onError: report })
  const { heartbeat: interval = (type?.options.heartbeatInterval ?? DEFAULT_HEARTBEAT_INTERVAL) * 1000 } =
    options
  const heartbeat = createHeartbeat(interval === false ? null : interval, () =>
    publisher.push(topics.status, encode('status', status.latest())),
  )
  const place = `the broker at ${options.url}`
  const connector = createConnector({
    async open(onLost, signal) {
      const will = { topic: topics.status, payload: encode('status', OFFLINE) }
      const mqtt = await connectOptions(options, { clientId, will })
      return openConnection(options.url, mqtt, { onLost, onMessage: receive }, signal)
    },
    prepare,
    prepareTimeoutMs: options.ackTimeout,
    onUp(connection) {
      connections++
      up = true
      enter('connected')
      connected(place)
      publisher.attach(connection)
      for (const part of parts) part.resume()
    },
    onDown({ disconnect }) {
      up = false
      for (const part of parts) part.pause()
      publisher.detach(disconnect?.reasonCode ?? null)
      if (state === 'connected') enter('reconnecting')
    },
    onError: reportOutage,
    isSuspect: () => publisher.isSuspect,
    backoff: createBackoff(options.reconnect),
    place,
    clientId,
  })

  const samples = createSampleQueue(options, {
    publisher,
    topic: topics.data,
    codec,
    assertOpen: () => assertOpen('cannot record'),
    onError: report,
  })
  const { record, recordBatch } = createRecording({
    type,
    binary,
    samples,
    assertOpen: () => assertOpen('cannot record', samples.takesOffline),
  })
  const parts = [samples, commands, twin, heartbeat]
  const subscriptions = subscriptionsOf(type, topics)

  function prepare(connection: BrokerConnection, onStep: (what: string) => void): Promise<void> {
    return announce(connection, {
      subscriptions,
      topic: topics.status,
      status: encode('status', status.birth()),
      onError: report,
      onStep,
    })
  }

  async function receive({ topic, payload, retain, properties }: IPublishPacket): Promise<boolean> {
    const message = {
      topic,
      deviceId,
      receivedAt: new Date(),
      payload: Buffer.from(payload as Buffer),
      contentType: properties?.contentType,
    }
    if (topic === topics.desired) twin.receive(message)
    if (topic !== topics.cmd) return true
    return commands.receive({ ...message, retained: retain, correlationData: properties?.correlationData })
  }

  function assertOpen(what: string, offline = false): void {
    if (state === 'idle' && !offline)
      throw new DeviceHubError('transport_unavailable', `${what}: call connect() first`)
    if (state === 'closing' || state === 'closed')
      throw new DeviceHubError('closed', `${what}: the client was closed`)
  }

  const connect = (given: { signal?: AbortSignal | undefined } = {}): Promise<void> =>
    quietWhenClosed(async () => {
      const { signal } = acceptWait('client.connect', given)
      assertNotClosing()
      connecting ??= begin(signal)
      await connecting
    })

  async function openParts(): Promise<void> {
    assertNotClosing()
    const isOpen = await samples.open()
    assertNotClosing()
    await commands.open(isOpen ? 'writable' : 'readonly')
  }

  function assertNotClosing(): void {
    if (closing !== null) throw new DeviceHubError('closed', 'cannot connect: the client was closed')
  }

  async function begin(signal: AbortSignal | undefined): Promise<void> {
    enter('connecting')
    try {
      await openParts()
      assertNotClosing()
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

  async function reportStatus(
    statusReport: StatusReport,
    given: Pick<RecordOptions, 'signal'> = {},
  ): Promise<void> {
    assertOpen('cannot report the status')
    const { signal } = acceptWait('client.reportStatus', given)
    await publisher.push(topics.status, encode('status', status.report(statusReport)), signal)
  }

  async function drain(): Promise<void> {
    await Promise.all([samples.idle(), commands.idle(), twin.idle()])
    // Without a connection nobody would confirm them.
    if (up) await Promise.all([commands.answered(), twin.confirmed(), publisher.idle()])
  }

  async function close(timeoutMs: number): Promise<void> {
    const wasIdle = state === 'idle'
    enter('closing')
    const deadline = performance.now() + timeoutMs
    if (!wasIdle) await doneWithin(timeoutMs, drain())
    const connection = connector.stop()
    for (const part of parts) part.pause()
    commands.abort()
    if (connection !== null) {
      const farewell = async () => {
        await connection.publish(topics.status, encode('status', OFFLINE), { again: false })
        await connection.disconnect()
      }
      await doneWithin(
        Math.max(deadline - performance.now(), 1000),
        farewell().catch(() => {}),
      )
      connection.destroy()
    }
    publisher.detach(null)
    const { queued } = publisher.stats()
    publisher.rejectAll(
      new DeviceHubError('closed', `the client was closed with ${queued} publications unconfirmed`),
    )
    await commands.close()
    // Last, because it releases the lock of the folder, which the journal of the commands is in.
    await samples.close()
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
    onCommand: commands.handle,
    twin: {
      onDesired: twin.onDesired,
      async report(patch: State, reportOptions?: ReportOptions) {
        assertOpen('cannot report the state')
        await twin.report(patch, reportOptions)
      },
      get desired() {
        return twin.desired
      },
      get reported() {
        return twin.reported
      },
    },
    on<Name extends keyof ClientEvents>(name: Name, handler: (event: ClientEvents[Name]) => void) {
      acceptEvent(name, handler)
      return events.on(name, handler)
    },
    room: samples.room,
    stats: () => ({ ...publisher.stats(), ...samples.stats(), ...connector.stats(), connections }),
    async close(given: CloseOptions = {}) {
      const { timeout: timeoutMs = samples.closeTimeout } = acceptClose(given)
      closing ??= close(timeoutMs)
      await closing
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
  return client as DeviceClient
}

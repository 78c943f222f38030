import type { ConsumeHandler, ConsumeOptions, Consumer } from '../consumer/consumer.js'
import type { CredentialsApi } from '../credentials/credentials-api.js'
import type { Ingest, Refusal } from '../ingest/ingest.js'
import type { IngestStats } from '../ingest/ingest-stats.js'
import type { CloseOptions } from '../model/check/close-options.js'
import type { AnyDeviceType, TypeOptions } from '../model/device-type/device-type.js'
import type { Registry } from '../model/registry.js'
import type { Channel } from '../model/topic/index.js'
import type { Clock } from '../ports/clock.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { SignalSink } from '../ports/signals.js'
import type { StatusTransition, Storage } from '../ports/storage.js'
import type { InboundMessage, OutboundMessage, Transport } from '../ports/transport.js'
import type { AttachedHandler } from './attached-handlers.js'
import type { CommandsApi } from './commands-api.js'
import type { ConsumersApi } from './consumers-api.js'
import type { DevicesApi } from './devices-api.js'
import type { HubApi } from './hub-api.js'
import type { MessagesApi } from './messages-api.js'
import type { ReadingsApi } from './readings-api.js'
import type { SessionsApi } from './sessions-api.js'
import type { SharedGroups } from './shared-groups.js'
import type { TwinApi } from './twins-api.js'

/** What a hub has done, in this process. */
export interface HubStats {
  /** What became of messages. */
  readonly ingest: IngestStats
  /** Devices remembered now. */
  readonly devicesCached: number
}

/** Everything of one fleet: what was passed to `createDeviceHub`, complete, and what can be done with it. */
export interface DeviceHub<Signals extends SignalSink = SignalSink> extends HubApi {
  /** Its types, by name. */
  readonly registry: Registry
  /** Its types, without the abstract ones. */
  readonly types: readonly AnyDeviceType[]
  /** The first level of every topic. */
  readonly topicPrefix: string
  /** Characters. */
  readonly deviceIdMaxLength: number
  /** Bytes of a device's metadata, as JSON. */
  readonly maxMetadata: number
  /**
   * All options of a type as this hub goes by them: the type's own, else the hub's policies, else the defaults. Durations are
   * numbers of seconds.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * hub.typeOptions(WeatherStation).heartbeatInterval // 300, in seconds, unless the type says otherwise
   */
  typeOptions(type: AnyDeviceType): TypeOptions<number>
  /**
   * The topic of one device's channel (default `data`) under this hub's prefix. `invalid_device_id` for an id that could
   * leave its level.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * hub.topic(WeatherStation, 'STATION-001', 'cmd') // things/weatherstation/STATION-001/cmd
   */
  topic(type: AnyDeviceType, deviceId: string, channel?: Channel): string
  /** Opened for these types. Before the first use: `await hub.storage.migrate()`. */
  readonly storage: Storage
  /** As passed in; `NoSignals`, to which nobody can subscribe, if none were. In types of your own: `DeviceHub<Signals>`. */
  readonly signals: Signals
  /** Takes messages, from transports and from applications. */
  readonly ingest: Ingest
  /** Creates, finds and changes devices. */
  readonly devices: DevicesApi
  /** Stored samples and last values. */
  readonly readings: ReadingsApi
  /** The audit rows of messages, and their replay. */
  readonly messages: MessagesApi
  /** Commands to devices. */
  readonly commands: CommandsApi
  /** Desired and reported state of the devices of a type. `unknown_type` for one that is not of this hub. */
  twin<T extends AnyDeviceType>(type: T): TwinApi<T>
  /** Who somebody is that shows credentials; `@devicehub/provision` issues them. */
  readonly credentials: CredentialsApi
  /** What brokers tell of connections. */
  readonly sessions: SessionsApi
  /** The consumers of the database, running or not. */
  readonly consumers: ConsumersApi
  /**
   * Hands every message of the log to `handler`, in batches, at least once and in order for each device: also those
   * stored by other processes, and those stored while nobody ran it. Its place is kept in the database under `name`, and
   * one process at a time runs it, however many call this. What the handler fails for is tried again, in the end set
   * aside. `invalid_options` for an ill-formed name or option.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * hub.consume('billing', { types: [WeatherStation], channels: ['data'] }, async ({ messages, signal }) => {
   *   const body = JSON.stringify(messages.map(({ key, deviceId, samples }) => ({ key, deviceId, samples })))
   *   await fetch('https://billing.example.com/usage', { method: 'POST', body, signal })
   * })
   */
  consume<T extends AnyDeviceType>(
    name: string,
    options: ConsumeOptions<T>,
    handler: ConsumeHandler<T>,
  ): Consumer
  /** As passed in, else `consoleLogger`. */
  readonly logger: Logger
  /** As passed in, else one that drops everything. */
  readonly metrics: Metrics
  /** As passed in, else `systemClock`. */
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
  /**
   * For what works on the hub by itself: `end` is called once `close()` begins, and waited for before the storage
   * closes.
   * Returns the way to undo it. `closed` for a hub that is.
   *
   * @example
   * import { hub } from './hub.js'
   *
   * const timer = setInterval(() => console.log(hub.stats()), 60_000)
   * hub.onClose(() => clearInterval(timer))
   */
  onClose(end: () => void | Promise<void>): () => void
  /** Makes a transport known under its broker's name; returns the way to undo it. `closed` for a hub that is. */
  attach(transport: Transport): () => void
  /** Whether a transport is attached for that broker. */
  isServed(broker: string): boolean
  /**
   * Publishes at the named broker; default `default`. `transport_unavailable` when none of that name is attached.
   *
   * @example
   * import { hub } from './hub.js'
   *
   * await hub.publish({ topic: 'site/north/display', payload: JSON.stringify({ text: 'hello' }), qos: 1 })
   */
  publish(message: OutboundMessage, broker?: string): Promise<void>
  /** Of this process, since the hub was created. */
  stats(): HubStats
  /**
   * Stops the attached transports, commits what was taken and waits for the consumers' handlers, for at most `timeout`
   * each (default 10 s), closes the storage. What could not be committed was never acknowledged.
   */
  close(options?: CloseOptions): Promise<void>
  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

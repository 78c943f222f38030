import type { CloseOptions } from '@devicehub/core/check'
import type { DeviceHubError, DeviceStatus } from '@devicehub/core/definition'
import type { ReceivedCommand } from './commands/received-command.js'
import type { DeviceDeclaration, UntypedDevice } from './device-declaration.js'
import type { PublisherStats } from './publisher.js'
import type { SampleOptions } from './sample.js'
import type { DeviceTwin } from './twin/device-twin.js'
import type { CommandName, PayloadOf, ReadingsOf, ResultOf } from './typed.js'

/**
 * - `idle`: `connect()` was not called, or was rejected
 * - `connecting`: never connected yet, trying
 * - `connected`: publications go out
 * - `reconnecting`: was connected, trying again; publications wait
 * - `closing`, `closed`
 */
export type ClientState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closing' | 'closed'

/** The status of the device. Fields that are left out stay as last reported. */
export interface StatusReport {
  /** Default: as reported last, `online` at first. */
  readonly status?: DeviceStatus | undefined
  /** Percent. */
  readonly batteryLevel?: number | undefined
  /** At most 50 characters. */
  readonly firmwareVersion?: string | undefined
}

/** Options of `record` for one sample. */
export interface RecordOptions extends SampleOptions {
  /** Stops waiting, and sending if it was not sent yet: `AbortSignal.timeout(10_000)`. */
  readonly signal?: AbortSignal | undefined
}

/** One measurement of a batch: its readings, and its own time or id. */
export interface BatchSample<Readings> extends SampleOptions {
  /** Values by the name of the reading, as the type declares them. */
  readonly readings: Readings
}

/** The events of `client.on`, by name. */
export interface ClientEvents {
  /** The new state of the client. */
  state: ClientState
  /**
   * Errors that no call can reject with: a failed attempt to connect (`transport_unavailable`, `connection_refused`), a command that
   * was not executed or desired state that does not fit (`invalid_payload`), a handler that failed (`handler_failed`), a
   * reply that the broker refused (`publish_failed`); of an outbox on disk also samples that were dropped (`queue_full`),
   * set aside (`publish_failed`) or damaged, and a command that could not be recorded (`outbox_failed`). Without a handler
   * it is written to standard error.
   */
  error: DeviceHubError
}

/** With an outbox on disk `queued` and `queuedBytes` are the samples on disk that were not delivered. */
export interface ClientStats extends PublisherStats {
  /** Samples that the broker confirmed. */
  readonly delivered: number
  /** Samples that were dropped because the outbox on disk was full. */
  readonly dropped: number
  /** Samples that were on disk and were lost there: damaged, cut off, deleted. */
  readonly corrupt: number
  /** Unfinished writes that were cut off after a kill or a power loss: of samples that were not confirmed. */
  readonly torn: number
  /** Samples of the outbox on disk that the broker refused for good. */
  readonly setAside: number
  /** Connections established since the start. */
  readonly connections: number
  /** Attempts to connect that failed, one after the other with growing pauses. */
  readonly failedConnects: number
  /** Connections that ended because another client connected under the same client id, as the broker reported or as it appears. */
  readonly sessionsTakenOver: number
}

/** The device's connection to its hub, made by `createDeviceClient`. */
export interface DeviceClient<Declaration extends DeviceDeclaration = UntypedDevice> extends AsyncDisposable {
  /** The id of the device, as given. */
  readonly deviceId: string
  /** State of the connection. */
  readonly state: ClientState
  /**
   * Resolves when the device is connected for the first time and has announced itself as online. While the broker
   * cannot be reached it keeps trying, until the signal is aborted; if the broker refuses (credentials, certificate) it
   * rejects with `connection_refused`. After a later interruption it reconnects by itself. With an outbox on disk also
   * `outbox_locked`, when another client uses the folder. A folder that cannot be opened is reported (`outbox_failed`) and
   * the device works without it: only `record()` rejects.
   */
  connect(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
  /**
   * Sends one sample, and resolves when the broker has confirmed it. `invalid_payload` at once for a value of the wrong
   * type, `queue_full` when too many wait, `publish_failed` when the broker refuses it, `closed` when the client closed first.
   *
   * With an outbox on disk it resolves when the sample is safe there, whether or not there is a connection, and works before
   * `connect()`: `outbox_failed` when the disk is full, read-only or broken, `outbox_locked` when another client uses the
   * folder, `queue_full` when it is full and keeps the oldest. After an error it is not stored, unless the signal aborted.
   */
  record(readings: ReadingsOf<Declaration>, options?: RecordOptions): Promise<void>
  /**
   * Sends samples measured before as a backfill, in as few messages as the bounds allow. Resolves when all are confirmed.
   * With an outbox on disk when all are safe there; after an error some may be: give them ids before you try again.
   */
  recordBatch(
    samples: readonly BatchSample<ReadingsOf<Declaration>>[],
    options?: Pick<RecordOptions, 'signal'>,
  ): Promise<void>
  /** Reports the status; it is sent again at each reconnect until another one is reported. */
  reportStatus(report: StatusReport, options?: Pick<RecordOptions, 'signal'>): Promise<void>
  /**
   * Registers the handler of a command. The replies are `accepted`, then `succeeded` with what the handler returns, or
   * `failed` with the message of what it throws. A command that cannot be executed is `rejected` without a call of the
   * handler. One that arrives again gets its reply again and is not executed again.
   *
   * Register before `connect()`: the broker may hold commands for the device. Returns a function that removes the handler.
   */
  onCommand<Name extends CommandName<Declaration>>(
    name: Name,
    handler: (
      payload: PayloadOf<Declaration, Name>,
      command: ReceivedCommand<Name>,
    ) => ResultOf<Declaration, Name> | Promise<ResultOf<Declaration, Name>>,
  ): () => void
  /** Desired and reported state. */
  readonly twin: DeviceTwin<Declaration>
  /**
   * Calls the handler at each event of that name, in the order registered. Returns a function that removes it.
   *
   * @example
   * import { createDeviceClient } from '@devicehub/client'
   * import { WeatherStation } from './hub.js'
   *
   * const client = createDeviceClient(WeatherStation, { url: 'mqtts://broker.example.com:8883', deviceId: 'STATION-001' })
   * client.on('error', (error) => console.error(error.code, error.message))
   */
  on<Name extends keyof ClientEvents>(name: Name, handler: (event: ClientEvents[Name]) => void): () => void
  /** Resolves when the queue has room: for a producer that does not await each `record`. */
  room(): Promise<void>
  /** Figures since the client was created; reading them costs nothing. */
  stats(): ClientStats
  /**
   * Accepts no more commands, sends what waits and lets command handlers finish, for at most `timeout` (default
   * 10 s), reports `offline` and disconnects. What was not confirmed by then rejects with `closed`, and the `signal` of
   * a handler that still runs is aborted. With an outbox on disk the default is 2 s, and 0 while there is no
   * connection: what was not delivered stays there for the next start.
   */
  close(options?: CloseOptions): Promise<void>
}

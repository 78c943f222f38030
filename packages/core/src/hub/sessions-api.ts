import type { AnyDeviceType } from '../model/device-type/device-type.js'

/** A broker says that a device's session began or ended. */
export interface SessionEvent {
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** Id of the device. */
  readonly deviceId: string
  /** What the broker saw of its connection. */
  readonly event: 'connected' | 'disconnected'
  /** When it happened by the broker's clock; default now. What claims to be of the future counts as of now. */
  readonly at?: Date | undefined
  /**
   * When the connection began that the event is of, if the broker says so: the end of an earlier connection, told late,
   * then leaves the present one alone.
   */
  readonly connectedAt?: Date | undefined
  /** Who says so, for the audit row: `broker:emqx`. */
  readonly source: string
  /** Of a disconnection, for people. */
  readonly reason?: string | undefined
}

/** What brokers tell of connections, brought into the hub by whoever listens to them. */
export interface SessionsApi {
  /**
   * Brings a device online or offline, with a row in its type's log, signals and hooks, once: a duplicate, a late or an
   * out-of-order event changes nothing. A status that the device reported of itself (`maintenance`, `error`) stays
   * while
   * it connects. Resolves after the commit; `queue_full` while too much waits for one. `changed`: the status is
   * another; `unchanged`: it was so already, or newer news are known;
   * `unknown_device`: none of that id, or it is deactivated.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * await hub.sessions.report({
   *   type: WeatherStation,
   *   deviceId: 'STATION-001',
   *   event: 'connected',
   *   source: 'emqx',
   * })
   */
  report(event: SessionEvent): Promise<'changed' | 'unchanged' | 'unknown_device'>
}

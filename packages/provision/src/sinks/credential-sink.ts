import type { AnyDeviceType } from '@devicehub/core'
import type { ForbiddenGroups } from '@devicehub/core/transport'

/** What a broker has to know of a device. */
export interface SinkDevice {
  /** The device type. */
  readonly type: AnyDeviceType
  /** The id of the device. */
  readonly deviceId: string
  /** The user name at brokers: `<type key>-<device id>`. */
  readonly username: string
  /** The one client id it may use. */
  readonly clientId: string
  /** Topics it may publish to, and filters it may subscribe to: its own, to the letter. */
  readonly topics: { readonly publish: readonly string[]; readonly subscribe: readonly string[] }
}

/** What a sink is told: a device has this password from now on (`set`), or nothing any more (`remove`). */
export type SinkChange =
  /** New, or with another password; known to the broker already or not. */
  | { readonly kind: 'set'; readonly device: SinkDevice; readonly password: string }
  /** Must not connect any more, and is disconnected where the broker can do that. */
  | { readonly kind: 'remove'; readonly username: string }

/**
 * A broker's own store of users and rules, kept in step. It is told after the commit; what it could not be told is
 * found and mended by `sync`. It only ever touches what it has made itself.
 */
export interface CredentialSink {
  /** For errors and reports: `mosquitto-dynsec`. */
  readonly name: string
  /** The broker cannot keep a device out of a group: then no listener of the hub may be in one there. */
  readonly forbidsSharedGroups?: ForbiddenGroups
  /** In order; doing one twice does nothing. Rejects with `sink_failed`, `transport_unavailable` or `connection_refused`. */
  apply(changes: readonly SinkChange[]): Promise<void>
  /**
   * Makes the store what it should be, whatever it is, and says what it changed. A password cannot be restored where only
   * its hash is known here: such devices are listed as `withoutPassword`, to be rotated.
   */
  sync(devices: AsyncIterable<SinkDevice>): Promise<SyncReport>
  /** Ends its connections and waits for what it is writing. */
  close(): Promise<void>
}

/** What `sync` found and put right at one broker. */
export interface SyncReport {
  /** The sink's name: `csv`, `mosquitto-files`, ... */
  readonly sink: string
  /** Looked at. */
  readonly devices: number
  /** User names whose rules were put right. */
  readonly repaired: readonly string[]
  /** User names the broker should not have had. */
  readonly removed: readonly string[]
  /** The broker does not know them, and only a new password can change that. */
  readonly withoutPassword: readonly string[]
}

import type { AnyDeviceType } from '@devicehub/core'
import type { ForbiddenGroups } from '@devicehub/core/transport'

/** What a broker needs to know about a device. */
export interface SinkDevice {
  /** The device type. */
  readonly type: AnyDeviceType
  /** The id of the device. */
  readonly deviceId: string
  /** The user name at brokers: `<type key>-<device id>`. */
  readonly username: string
  /** The one client id it may use. */
  readonly clientId: string
  /** Topics it may publish to and subscribe to: exactly its own, without wildcards. */
  readonly topics: { readonly publish: readonly string[]; readonly subscribe: readonly string[] }
}

/** A change for a sink: a device has a new password (`set`), or no access any more (`remove`). */
export type SinkChange =
  /** A new device, or a new password; the broker may know the device already. */
  | { readonly kind: 'set'; readonly device: SinkDevice; readonly password: string }
  /** Must not connect any more, and is disconnected where the broker can do that. */
  | { readonly kind: 'remove'; readonly username: string }

/**
 * A broker's own store of users and rules. It is updated after the commit; an update that failed is made up for by
 * `sync`. A sink changes only entries that it has created.
 */
export interface CredentialSink {
  /** For errors and reports: `mosquitto-dynsec`. */
  readonly name: string
  /** Set when the broker cannot keep devices out of shared groups: then no listener of the hub may use one there. */
  readonly forbidsSharedGroups?: ForbiddenGroups
  /** Applies changes in order; applying one twice changes nothing. Rejects with `sink_failed`, `transport_unavailable` or `connection_refused`. */
  apply(changes: readonly SinkChange[]): Promise<void>
  /**
   * Corrects the store, whatever it holds, and reports what it changed. A password of which only the hash is known cannot be
   * restored: such devices are listed as `withoutPassword`; rotate their credentials.
   */
  sync(devices: AsyncIterable<SinkDevice>): Promise<SyncReport>
  /** Ends its connections and waits for what it is writing. */
  close(): Promise<void>
}

/** What `sync` corrected at one broker. */
export interface SyncReport {
  /** The sink's name: `csv`, `mosquitto-files`, ... */
  readonly sink: string
  /** Devices compared. */
  readonly devices: number
  /** User names whose rules were corrected. */
  readonly repaired: readonly string[]
  /** User names that were removed. */
  readonly removed: readonly string[]
  /** User names that the broker does not know: rotate their credentials. */
  readonly withoutPassword: readonly string[]
}

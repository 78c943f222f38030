import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { MessageRef, NewMessage } from '../model/message.js'
import type { DeviceStatus } from '../model/statuses.js'
import type { StoredValue } from '../model/values.js'
import type { CommandChange, CommandOutcome } from './commands.js'
import type { LeaseFence } from './leases.js'
import type { DesiredPublished, ReportOutcome, StateReport } from './twins.js'

export interface NewSample {
  readonly deviceId: string
  /** Measured time; the received time when the device sent none. */
  readonly timestamp: number
  readonly receivedAt: number
  /**
   * By it samples order for "latest": the measured time when it can be true, else the received time; 0 when nobody knows,
   * since a broker had kept it.
   */
  readonly orderAt: number
  /** The id the sample carries. With `contentHash`, which is then always set, it is the sample's identity on its device. */
  readonly sampleId: string | null
  /**
   * Of the values, and for a sample with an id also of the id and of the time the device claims. Without an id, this and
   * the timestamp are the identity. A safe integer. Null: never a duplicate.
   */
  readonly contentHash: number | null
  readonly flags: string | null
  /** In the order of `type.readingNames`. json and geo as JSON text, datetime as epoch ms, binary as bytes, enum as string. */
  readonly values: readonly StoredValue[]
}

/** A message of a batch, as every storage takes it. */
export interface TelemetryEntry {
  /** Null: the message belongs to no known type and goes to `devicehub_message`. */
  readonly type: AnyDeviceType | null
  readonly message: NewMessage
  readonly samples: readonly NewSample[]
  /** The message this one replays, which was rejected, quarantined or stored in part: it becomes `replayed`, or `not_replayable` fails the commit. */
  readonly replayOf?: MessageRef
}

/** What a message says besides, for storages with the control group. */
export interface CommitEntry extends TelemetryEntry {
  /** Of a command of the message's device. */
  readonly command?: CommandChange
  /** Of the message's device. The audit row gets the flag `stale_report` when nothing of it is taken. */
  readonly report?: StateReport
  readonly desired?: DesiredPublished
}

/** Only moves `last_seen` forward. At most one a device and batch. */
export interface DeviceTouch {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly lastSeen: number
}

/** What a message says of its device. Applied in order by `applyDeviceChange`, so that older news never overwrites newer. */
export interface DeviceChange {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly lastSeen: number
  /** When this news came in, by the hub's clock and never by the device's; compared with the row's `status_at`. */
  readonly at: number
  /** The device's own time of it, compared with the row's `status_claimed_at` alone; absent or null: it gave none that can be trusted. */
  readonly claimedAt?: number | null
  /** `from`: only when the present status is one of these. */
  readonly status?: { readonly value: DeviceStatus; readonly from?: readonly DeviceStatus[] }
  readonly batteryLevel?: number
  readonly firmwareVersion?: string
  /**
   * Of a connection that began then, which the row remembers as `session_at`, the latest one. The end of an earlier one
   * changes nothing; the beginning of a later one than the one that ended counts, also when that end has the later time.
   */
  readonly session?: { readonly startedAt: number; readonly ended: boolean }
  /** Nothing of it is applied unless the device was seen once, and not at this time or later. */
  readonly ifSeenBefore?: number
  /** An audit row of the type, written in the same transaction when this change changes the status. */
  readonly audit?: NewMessage
}

export interface TelemetryBatch {
  /** In order of arrival. */
  readonly entries: readonly TelemetryEntry[]
  readonly touches: readonly DeviceTouch[]
  readonly changes: readonly DeviceChange[]
  /** Somebody wants to know the ids of the audit rows (`CommitResult.messageIds`). Without it they must cost nothing. */
  readonly wantsIds?: boolean
}

export interface CommitBatch extends TelemetryBatch {
  readonly entries: readonly CommitEntry[]
  /** Looked at in the same transaction: no other holder can take over between the look and the commit. */
  readonly fences?: readonly LeaseFence[]
}

export interface TelemetryResult {
  /**
   * How many samples of each entry were stored before, by index; null when none of any.
   * An entry whose samples all were is written with the status `duplicate`.
   */
  readonly duplicates: readonly number[] | null
  /** The same in detail, `duplicateSamples[entry]` = indexes into its samples; only for entries that have some. */
  readonly duplicateSamples: ReadonlyMap<number, readonly number[]> | null
  /**
   * Indexes into the samples of each entry that has some whose id was known with other content: stored, and flagged
   * `id_reused` as their message is. Null when none.
   */
  readonly reusedIds: ReadonlyMap<number, readonly number[]> | null
  readonly transitions: readonly CommittedTransition[]
  /**
   * The devices of `changes`, each once, as their rows are after the commit: the storage has read them under its lock,
   * what other processes wrote included. Those that do not exist are left out.
   */
  readonly devices: readonly ChangedDevice[]
  /** With `wantsIds`, by entry; null for an entry without a row. Absent when they are not known. */
  readonly messageIds?: readonly (string | null)[] | undefined
}

export interface CommitResult extends TelemetryResult {
  /** By entry; null when no entry had one. */
  readonly commands: ReadonlyMap<number, CommandOutcome> | null
  /** By entry, of devices that exist; null when no entry had one. */
  readonly reports: ReadonlyMap<number, ReportOutcome> | null
}

/** What messages change in a device's row. */
export interface CommittedDevice {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly live: LiveState
}

/** A device of one or more changes of a batch. */
export interface ChangedDevice extends CommittedDevice {
  /** The place of the last one in `changes` of the batch. */
  readonly change: number
}

/** The part of a device row that messages change. Times in epoch milliseconds. */
export interface LiveState {
  readonly status: DeviceStatus
  readonly statusAt: number | null
  readonly statusClaimedAt: number | null
  readonly batteryLevel: number | null
  readonly firmwareVersion: string | null
  readonly lastSeen: number | null
  readonly sessionAt: number | null
}

export interface StatusTransition {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly from: DeviceStatus
  readonly to: DeviceStatus
  readonly at: number
}

/** What a change of a batch did to a status. */
export interface CommittedTransition extends StatusTransition {
  /** The place of the change in `changes` of the batch. */
  readonly change: number
}

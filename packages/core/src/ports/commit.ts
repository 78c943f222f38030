import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { MessageRef, NewMessage } from '../model/message.js'
import type { DeviceStatus } from '../model/statuses.js'
import type { StoredValue } from '../model/values.js'
import type { CommandChange, CommandOutcome } from './commands.js'
import type { LeaseFence } from './leases.js'
import type { DesiredPublished, ReportOutcome, StateReport } from './twins.js'

/** A sample to store. Times are epoch milliseconds. */
export interface NewSample {
  /** Of the device that sent it. */
  readonly deviceId: string
  /** Measured time; the received time when the device sent none. */
  readonly timestamp: number
  /** When the hub received it. */
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
  /** Separated by a space; null: none. */
  readonly flags: string | null
  /** In the order of `type.readingNames`. json and geo as JSON text, datetime as epoch ms, binary as bytes, enum as string. */
  readonly values: readonly StoredValue[]
}

/** A message of a batch, as every storage takes it. */
export interface TelemetryEntry {
  /** Null: the message belongs to no known type and goes to `devicehub_message`. */
  readonly type: AnyDeviceType | null
  /** Its audit row. */
  readonly message: NewMessage
  /** Empty for what is no `data`. */
  readonly samples: readonly NewSample[]
  /**
   * The latest `orderAt` that can be true now. A last value of a later one was stored by a clock that was ahead, and gives
   * way to any sample. Epoch milliseconds; absent: any can be true.
   */
  readonly orderLimit?: number
  /** The message this one replays, which was rejected, quarantined or stored in part: it becomes `replayed`, or `not_replayable` fails the commit. */
  readonly replayOf?: MessageRef
}

/** What a message says besides, for storages with the control group. */
export interface CommitEntry extends TelemetryEntry {
  /** Of a command of the message's device. */
  readonly command?: CommandChange
  /** Of the message's device. The audit row gets the flag `stale_report` when nothing of it is taken. */
  readonly report?: StateReport
  /** Of the message's device: its desired state was published. */
  readonly desired?: DesiredPublished
}

/** Only moves `last_seen` forward. At most one a device and batch. */
export interface DeviceTouch {
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** Id of the device. */
  readonly deviceId: string
  /** Epoch milliseconds. */
  readonly lastSeen: number
}

/** What a message says of its device. Applied in order by `applyDeviceChange`, so that older news never overwrites newer. */
export interface DeviceChange {
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** Id of the device. */
  readonly deviceId: string
  /** Epoch milliseconds; moves `last_seen` forward. */
  readonly lastSeen: number
  /** When this news came in, by the hub's clock and never by the device's; compared with the row's `status_at`. */
  readonly at: number
  /**
   * Of news that came in just now: the hub's present time. It is then the latest, whatever the row's `status_at` is, and
   * a `last_seen` ahead of this time is set back: the clock it was written by was ahead. Absent: it may have come late.
   */
  readonly liveAt?: number
  /** The device's own time of it, compared with the row's `status_claimed_at` alone; absent or null: it gave none that can be trusted. */
  readonly claimedAt?: number | null
  /** `from`: only when the present status is one of these. */
  readonly status?: { readonly value: DeviceStatus; readonly from?: readonly DeviceStatus[] }
  /** Percent; absent: as it was. */
  readonly batteryLevel?: number
  /** Absent: as it was. */
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

/** What one transaction writes. */
export interface TelemetryBatch {
  /** In order of arrival. */
  readonly entries: readonly TelemetryEntry[]
  /** Of devices that only sent data. */
  readonly touches: readonly DeviceTouch[]
  /** In order. */
  readonly changes: readonly DeviceChange[]
  /** Somebody wants to know the ids of the audit rows (`CommitResult.messageIds`). Without it they must cost nothing. */
  readonly wantsIds?: boolean
}

/** What one transaction writes, with the control group. */
export interface CommitBatch extends TelemetryBatch {
  /** In order of arrival. */
  readonly entries: readonly CommitEntry[]
  /** Looked at in the same transaction: no other holder can take over between the look and the commit. */
  readonly fences?: readonly LeaseFence[]
}

/** What a commit found. */
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
  /** Changes of status, in order. */
  readonly transitions: readonly CommittedTransition[]
  /**
   * The devices of `changes`, each once, as their rows are after the commit: the storage has read them under its lock,
   * what other processes wrote included. Those that do not exist are left out.
   */
  readonly devices: readonly ChangedDevice[]
  /** With `wantsIds`, by entry; null for an entry without a row. Absent when they are not known. */
  readonly messageIds?: readonly (string | null)[] | undefined
}

/** What a commit found, with the control group. */
export interface CommitResult extends TelemetryResult {
  /** By entry; null when no entry had one. */
  readonly commands: ReadonlyMap<number, CommandOutcome> | null
  /** By entry, of devices that exist; null when no entry had one. */
  readonly reports: ReadonlyMap<number, ReportOutcome> | null
}

/** What messages change in a device's row. */
export interface CommittedDevice {
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** Id of the device. */
  readonly deviceId: string
  /** After the commit. */
  readonly live: LiveState
}

/** A device of one or more changes of a batch. */
export interface ChangedDevice extends CommittedDevice {
  /** The place of the last one in `changes` of the batch. */
  readonly change: number
}

/** The part of a device row that messages change. Times in epoch milliseconds. */
export interface LiveState {
  /** Its present status. */
  readonly status: DeviceStatus
  /** As `DeviceRecord.statusAt`. */
  readonly statusAt: number | null
  /** As `DeviceRecord.statusClaimedAt`. */
  readonly statusClaimedAt: number | null
  /** Percent; null: never reported. */
  readonly batteryLevel: number | null
  /** Null: never reported. */
  readonly firmwareVersion: string | null
  /** Null: never. */
  readonly lastSeen: number | null
  /** As `DeviceRecord.sessionAt`. */
  readonly sessionAt: number | null
}

/** A change of a device's status. */
export interface StatusTransition {
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** Id of the device. */
  readonly deviceId: string
  /** The status before it. */
  readonly from: DeviceStatus
  /** The status after it. */
  readonly to: DeviceStatus
  /** Epoch milliseconds, by the hub's clock. */
  readonly at: number
}

/** What a change of a batch did to a status. */
export interface CommittedTransition extends StatusTransition {
  /** The place of the change in `changes` of the batch. */
  readonly change: number
}

import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition } from '../model/selector/condition.js'
import type { StoredValue } from '../model/values.js'

/**
 * Desired state and what is known of the reports. The reported values themselves are columns of the device's row.
 * Reports are taken by `Storage.commit` (`CommitEntry.report`).
 */
export interface TwinStore {
  /** Null when there is no such device, or `within` does not hold for it. */
  get(type: AnyDeviceType, deviceId: string, within?: Condition): Promise<TwinRecord | null>
  /**
   * Merges a patch into the desired state and makes it due for publication, in one transaction. `conflict`: the
   * version is not `ifVersion`; nothing was written.
   */
  setDesired(change: DesiredChange): Promise<SetDesiredOutcome>
  /** Gives out documents that have to be published, each to one caller for `ttl` milliseconds, of these types only. */
  claimDue(request: TwinClaimRequest): Promise<readonly DueTwin[]>
  /** Gives claimed ones back: due again after `delay` milliseconds. Those whose claim is another by now are left alone. */
  release(claim: string, twins: readonly TwinKey[], delay: number): Promise<void>
}

/** A device of whatever type. */
export interface TwinKey {
  /** Of the device's type. */
  readonly typeKey: string
  /** Id of the device. */
  readonly deviceId: string
}

/** Who takes desired state to publish, and for how long. */
export interface TwinClaimRequest {
  /** Who claims: unique for this run of a process. */
  readonly claim: string
  /** Milliseconds. */
  readonly ttl: number
  /** Type keys. */
  readonly types: readonly string[]
  /** Documents at most. */
  readonly limit: number
}

/** What a device is to be. */
export interface DesiredState {
  /** By name of the state field, each as JSON has it; never null. */
  readonly desired: Readonly<Record<string, unknown>>
  /** When each of them was set, epoch milliseconds. */
  readonly desiredAt: Readonly<Record<string, number>>
  /** Grows with each change, for good: also over the deletion of the device. 0: none was ever set. */
  readonly version: number
}

/** What is known of a device's reports. */
export interface ReportedState {
  /** By name of the state field: when its last report was made, and the desired version that the report had applied. */
  readonly reportedAt: Readonly<Record<string, ReportMark>>
  /** The highest desired version that the device has applied; null: none. */
  readonly reportedVersion: number | null
}

/** When a field was reported last. */
export interface ReportMark {
  /** When it came in; 0: nobody knows, a broker had kept it. */
  readonly at: number
  /** The device's own time of it; absent: it gave none that can be trusted. */
  readonly claimedAt?: number
  /** 0 when the report said none. */
  readonly version: number
}

/** Desired and reported state of a device. */
export interface TwinRecord extends DesiredState, ReportedState {
  /** The version the broker has taken last; 0: none. */
  readonly publishedVersion: number
  /** The device's, in the order of `type.stateNames`. */
  readonly state: readonly StoredValue[]
}

/** A document to publish. `desired` null: the device was deleted, and what the broker retains has to go. */
export interface DueTwin extends TwinKey {
  /** Of the desired state. */
  readonly version: number
  /** By name of the state field. */
  readonly desired: Readonly<Record<string, unknown>> | null
}

/** A change of desired state. */
export interface DesiredChange {
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** Id of the device. */
  readonly deviceId: string
  /** As JSON has them; null takes a field away. */
  readonly patch: Readonly<Record<string, unknown>>
  /** Only if the desired state has this version; absent: whichever it has. */
  readonly ifVersion?: number
  /** `device_not_found` unless it holds for the device when it is written. */
  readonly within?: Condition
  /** Epoch milliseconds by the hub's clock. */
  readonly at: number
}

/** What became of a change. Only `set` wrote something. */
export type SetDesiredOutcome =
  | { readonly outcome: 'set'; readonly record: TwinRecord }
  | { readonly outcome: 'conflict'; readonly version: number }
  | { readonly outcome: 'device_not_found' | 'device_inactive' }

/** What an entry of a commit reports of a device's state; `applyReport` says what of it is taken. */
export interface StateReport {
  /** By name of the state field. */
  readonly values: Readonly<Record<string, StoredValue>>
  /** The desired version that the device has applied; null: it did not say. */
  readonly version: number | null
  /** When it came in; 0: nobody knows, a broker had kept it. */
  readonly at: number
  /** The device's own time of it, compared with others of the same device alone; null or absent: it gave none that can be trusted. */
  readonly claimedAt?: number | null
  /** It came in just now: later than every other, also than one with a later `at`, which is of a clock that was set back. Default false. */
  readonly isLive?: boolean
}

/** What became of a report. */
export interface ReportOutcome {
  /** Names of the fields that were taken; a later report of the others is known already. */
  readonly applied: readonly string[]
  /** After it. */
  readonly record: TwinRecord
}

/**
 * An entry's desired document was published. Under the row's claim and in the row's version: nothing is due any more.
 * Else it is due at once and nobody's claim: the document was changed meanwhile, or a caller that had lost its claim may
 * have overwritten a newer one.
 */
export interface DesiredPublished {
  /** The version that was published. */
  readonly version: number
  /** Under which it was published. */
  readonly claim: string
}

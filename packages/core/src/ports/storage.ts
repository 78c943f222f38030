import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { ClaimStore } from './claims.js'
import type { CommandStore } from './commands.js'
import type { CommitBatch, CommitResult, TelemetryBatch, TelemetryResult } from './commit.js'
import type { ConsumerStore } from './consumers.js'
import type { CredentialStore } from './credentials.js'
import type { DeviceStore } from './devices.js'
import type { LeaseStore } from './leases.js'
import type { LogStore, MessageStore } from './messages.js'
import type { CompleteReadingStore, ReadingStore } from './readings.js'
import type { MigrateOptions, RetentionRequest, RetentionResult, SchemaPlan } from './schema.js'
import type { TwinStore } from './twins.js'

export * from './commit.js'
export * from './devices.js'
export type * from './messages.js'
export * from './page.js'
export * from './readings.js'
export type * from './schema.js'
export * from './series.js'

/**
 * What a hub is given: `defineStorage` makes one out of what an implementer writes, a `TelemetryStorage` or a
 * `CompleteStorage`. `@devicehub/test-kit` has the contract suites of both groups. Times are epoch milliseconds, JSON is
 * text, ids and cursors are opaque strings.
 */
export interface StorageAdapter {
  /** As given to `defineStorage`, for error messages. */
  readonly name: string
  /** Binds the adapter to the types of one hub. No I/O happens here. */
  open(context: StorageContext): Storage
}

/** What a storage is opened with. */
export interface StorageContext {
  /** Every concrete (not abstract) type of the hub. */
  readonly types: readonly AnyDeviceType[]
}

/** What a storage says of itself; what its implementer leaves out has its default. */
export interface StorageCapabilities {
  /** Whether it has the control group, as `defineStorage` finds out; said otherwise, it is refused. Without the group each of its functions rejects with `not_supported`. */
  readonly control: boolean
  /**
   * Messages in a transaction that suit it best: the hub's default for `ingest.maxBatch` and for a consumer's `batch`.
   * Default 500.
   */
  readonly preferredBatch: number
}

/** What devices send, and the devices: the group that every storage has. */
export interface TelemetryStorage {
  /** What it says of itself; absent: the defaults. */
  readonly capabilities?: Partial<StorageCapabilities>
  /** The devices of each type. */
  readonly devices: DeviceStore
  /** The stored samples and last values of each type. */
  readonly readings: ReadingStore
  /** The audit rows. */
  readonly messages: MessageStore
  /** The audit rows in the order of their commits, for consumers. */
  readonly log: LogStore
  /** The difference between the declared types and the database. */
  plan(): Promise<SchemaPlan>
  /** Applies the plan; `schema_refused` when a step is destructive and not allowed. Safe to call from several processes at once. */
  migrate(options?: MigrateOptions): Promise<SchemaPlan>
  /**
   * Writes a batch in ONE transaction: audit rows, samples, changes of devices; all or nothing. `storage_unavailable`
   * when trying again can help, `storage_failed` when the data itself was refused.
   */
  commit(batch: TelemetryBatch): Promise<TelemetryResult>
  /** Deletes what was received longer ago than each type's retention says; returns how many rows went. */
  applyRetention(now: number, request?: RetentionRequest): Promise<RetentionResult>
  /** Ends what it has open. Later calls reject with `closed`. */
  close(): Promise<void>
}

/**
 * What the hub keeps to work: commands, desired state, credentials, and who does what. It lives in the database of the
 * telemetry: a batch is one transaction over both.
 */
export interface ControlStorage {
  /** Who does what must have a single holder. */
  readonly leases: LeaseStore
  /** Places of consumers, and messages they set aside. */
  readonly consumers: ConsumerStore
  /** The ledger of commands. */
  readonly commands: CommandStore
  /** Desired state. */
  readonly twins: TwinStore
  /** What devices authenticate with. */
  readonly credentials: CredentialStore
  /** Keys with which devices obtain credentials. */
  readonly claims: ClaimStore
  /**
   * In the same transaction also what the entries say of commands, reported state and publications. A device that becomes
   * reachable by it (see `isReachable`) has its queued commands due from then on. `fenced` when one of its fences is not
   * the present epoch (`details.name` and `details.epoch`).
   */
  commit(batch: CommitBatch): Promise<CommitResult>
}

/**
 * Both groups. Besides: `devices.delete` also cancels the device's commands, deletes its credentials and its desired
 * state; what `applyRetention` deletes before a consumer had read it counts as missed.
 */
export interface CompleteStorage extends TelemetryStorage, ControlStorage {
  /** As `ControlStorage.commit`. */
  commit(batch: CommitBatch): Promise<CommitResult>
}

/** An opened storage as the hub and applications see it: everything is there, `capabilities` say what works. */
export interface Storage extends CompleteStorage {
  /** As given to `defineStorage`, for error messages: `memory`, `postgres`. */
  readonly name: string
  /** What it can do, complete. */
  readonly capabilities: StorageCapabilities
  /** Its own, and what was made of them. */
  readonly readings: CompleteReadingStore
}

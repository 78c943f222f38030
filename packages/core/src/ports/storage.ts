import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { ClaimStore } from './claims.js'
import type { CommandStore } from './commands.js'
import type { CommitBatch, CommitResult } from './commit.js'
import type { ConsumerStore } from './consumers.js'
import type { CredentialStore } from './credentials.js'
import type { DeviceStore } from './devices.js'
import type { LeaseStore } from './leases.js'
import type { LogStore, MessageStore } from './messages.js'
import type { ReadingStore } from './readings.js'
import type { MigrateOptions, RetentionResult, SchemaPlan } from './schema.js'
import type { TwinStore } from './twins.js'

export * from './commit.js'
export type * from './devices.js'
export type * from './messages.js'
export * from './page.js'
export * from './readings.js'
export type * from './schema.js'

/**
 * What the hub needs of a database. Implementers write `StorageAdapter.open`; `@devicehub/test-kit` has the contract
 * suite that every implementation passes. Times are epoch milliseconds, JSON is text, ids and cursors are opaque strings.
 */
export interface StorageAdapter {
  readonly name: string
  /** Binds the adapter to the types of one hub. No I/O happens here. */
  open(context: StorageContext): Storage
}

export interface StorageContext {
  /** Every concrete (not abstract) type of the hub. */
  readonly types: readonly AnyDeviceType[]
}

export interface Storage {
  readonly name: string
  /** Messages a transaction that suit this store best; the hub's default for `ingest.maxBatch` and a consumer's `batch`. */
  readonly preferredBatch?: number
  readonly devices: DeviceStore
  readonly readings: ReadingStore
  readonly messages: MessageStore
  readonly log: LogStore
  readonly leases: LeaseStore
  readonly consumers: ConsumerStore
  readonly commands: CommandStore
  readonly twins: TwinStore
  readonly credentials: CredentialStore
  readonly claims: ClaimStore
  /** The difference between the declared types and the database. */
  plan(): Promise<SchemaPlan>
  /** Applies the plan; `schema_refused` when a step is destructive and not allowed. Safe to call from several processes at once. */
  migrate(options?: MigrateOptions): Promise<SchemaPlan>
  /**
   * Writes a batch in ONE transaction: audit rows, samples, changes of devices, commands and reported state; all or
   * nothing. A device that becomes reachable by it (see `isReachable`) has its queued commands due from then on.
   * `storage_unavailable` when trying again can help, `storage_failed` when the data itself was refused, `fenced` when
   * one of its fences is not the present epoch (`details.name` and `details.epoch`).
   */
  commit(batch: CommitBatch): Promise<CommitResult>
  /**
   * Deletes what was received longer ago than each type's retention says; returns how many rows went. What a consumer had
   * not read yet counts as missed.
   */
  applyRetention(now: number): Promise<RetentionResult>
  close(): Promise<void>
}

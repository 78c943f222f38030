import type { AnyDeviceType } from '../device-type/device-type.js'
import type { Channel } from '../topic.js'
import type { ConsumerStore } from './consumers.js'
import type { LeaseFence, LeaseStore } from './leases.js'
import type { Page, PageRequest } from './page.js'
import type { MigrateOptions, RetentionResult, SchemaPlan } from './schema.js'

export type * from './page.js'
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
  /** The difference between the declared types and the database. */
  plan(): Promise<SchemaPlan>
  /** Applies the plan; `schema_refused` when a step is destructive and not allowed. Safe to call from several processes at once. */
  migrate(options?: MigrateOptions): Promise<SchemaPlan>
  /**
   * Writes a batch in ONE transaction: audit rows, samples, device changes; all or nothing.
   * `storage_unavailable` when trying again can help, `storage_failed` when the data itself was refused, `fenced` when
   * one of its fences is not the present epoch (`details.name` and `details.epoch`).
   */
  commit(batch: CommitBatch): Promise<CommitResult>
  /** Deletes what is older than each type's retention; returns how many rows went. What a consumer had not read yet counts as missed. */
  applyRetention(now: number): Promise<RetentionResult>
  close(): Promise<void>
}

// ---- the write path

export type StoredValue = number | string | boolean | Uint8Array | null

export type MessageStatus = 'processed' | 'duplicate' | 'rejected' | 'quarantined' | 'replayed'

/** Inbound from a device, sent to one, or decided by the hub itself. */
export type MessageDirection = 'in' | 'out' | 'hub'

export interface NewMessage {
  readonly deviceId: string | null
  readonly channel: Channel | null
  readonly direction: MessageDirection
  readonly topic: string
  /** The payload when it is valid JSON text; exactly one of the two is set, both are null for an empty payload. */
  readonly payloadJson: string | null
  readonly payloadRaw: Uint8Array | null
  readonly contentType: string | null
  readonly correlationId: string | null
  /** JSON text. */
  readonly userProperties: string | null
  readonly source: string
  readonly qos: 0 | 1 | 2
  readonly redelivered: boolean
  readonly retained: boolean
  readonly status: MessageStatus
  /** Why it was rejected or quarantined: a code and a sentence. */
  readonly code: string | null
  readonly reason: string | null
  /** Space-separated, e.g. `out_of_range:temperature clock_skew`. */
  readonly flags: string | null
  readonly receivedAt: number
  readonly processedAt: number
}

export interface NewSample {
  readonly deviceId: string
  /** Measured time; the received time when the device sent none. */
  readonly timestamp: number
  readonly receivedAt: number
  /** The id the sample carries: unique per device. */
  readonly sampleId: string | null
  /** For a sample with a measured time and no id: unique per device and timestamp. A safe integer. Null: never a duplicate. */
  readonly contentHash: number | null
  readonly flags: string | null
  /** In the order of `type.readingNames`. json and geo as JSON text, datetime as epoch ms, binary as bytes, enum as string. */
  readonly values: readonly StoredValue[]
}

export interface CommitEntry {
  /** Null: the message belongs to no known type and goes to `devicehub_message`. */
  readonly type: AnyDeviceType | null
  readonly message: NewMessage
  readonly samples: readonly NewSample[]
  /** The rejected or quarantined message this one replays: it becomes `replayed`, or `not_replayable` fails the commit. */
  readonly replayOf?: MessageRef
}

export interface MessageRef {
  /** Key of the type whose table holds it; null for `devicehub_message`. */
  readonly typeKey: string | null
  readonly id: string
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
  /** Measured time of this news; compared with the row's `status_at`. */
  readonly at: number
  /** `from`: only when the present status is one of these. */
  readonly status?: { readonly value: DeviceStatus; readonly from?: readonly DeviceStatus[] }
  readonly batteryLevel?: number
  readonly firmwareVersion?: string
  /** Nothing of it is applied unless the device was seen once, and not at this time or later. */
  readonly ifSeenBefore?: number
  /** An audit row of the type, written in the same transaction when this change changes the status. */
  readonly audit?: NewMessage
}

export interface CommitBatch {
  /** In order of arrival. */
  readonly entries: readonly CommitEntry[]
  readonly touches: readonly DeviceTouch[]
  readonly changes: readonly DeviceChange[]
  /** Looked at in the same transaction: no other holder can take over between the look and the commit. */
  readonly fences?: readonly LeaseFence[]
}

export interface CommitResult {
  /**
   * How many samples of each entry were stored before, by index; null when none of any.
   * An entry whose samples all were is written with the status `duplicate`.
   */
  readonly duplicates: readonly number[] | null
  /** The same in detail, `duplicateSamples[entry]` = indexes into its samples; only for entries that have some. */
  readonly duplicateSamples: ReadonlyMap<number, readonly number[]> | null
  readonly transitions: readonly StatusTransition[]
}

export interface StatusTransition {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly from: DeviceStatus
  readonly to: DeviceStatus
  readonly at: number
}

// ---- devices

export const DEVICE_STATUSES = [
  'online',
  'offline',
  'error',
  'maintenance',
  'low_battery',
  'provisioning',
] as const
export type DeviceStatus = (typeof DEVICE_STATUSES)[number]

export interface DeviceRecord {
  readonly deviceId: string
  readonly name: string
  readonly status: DeviceStatus
  /** Measured time of the news that set status, battery and firmware. */
  readonly statusAt: number | null
  readonly batteryLevel: number | null
  readonly lastSeen: number | null
  readonly firmwareVersion: string | null
  readonly isActive: boolean
  readonly mqttUsername: string | null
  readonly mqttPasswordHash: string | null
  readonly apiKeyHash: string | null
  /** JSON text of an object. */
  readonly metadata: string
  /** In the order of `type.stateNames`. */
  readonly state: readonly StoredValue[]
  readonly createdAt: number
  readonly updatedAt: number
}

export type DevicePatch = Partial<Omit<DeviceRecord, 'deviceId' | 'createdAt' | 'updatedAt' | 'state'>> & {
  /** By name of the state field. */
  readonly state?: Readonly<Record<string, StoredValue>>
}

export interface DeviceFilter {
  readonly status?: DeviceStatus
  readonly isActive?: boolean
  /** Part of the device id or name, case-insensitive; `%` and `_` are ordinary characters. */
  readonly search?: string
}

/** Devices that gave no sign of life: active, seen once, neither seen nor their status changed at `before` or later. */
export interface OverdueQuery extends PageRequest {
  readonly before: number
  /** Only those whose present status is one of these. */
  readonly statuses: readonly DeviceStatus[]
}

export interface DeviceStore {
  /** `device_exists` when the id is taken. */
  create(type: AnyDeviceType, device: DeviceRecord): Promise<void>
  /** Creates those that do not exist, in one statement or transaction; existing ones are untouched. */
  ensure(type: AnyDeviceType, devices: readonly DeviceRecord[]): Promise<void>
  /** Those that exist, in any order. */
  find(type: AnyDeviceType, deviceIds: readonly string[]): Promise<readonly DeviceRecord[]>
  /** Newest first (created_at, then device_id, both descending). */
  list(type: AnyDeviceType, filter: DeviceFilter, page: PageRequest): Promise<Page<DeviceRecord>>
  /** Each once over all pages, in any order, also when those of earlier pages are changed meanwhile. */
  overdue(type: AnyDeviceType, query: OverdueQuery): Promise<Page<DeviceRecord>>
  /** The record after the change; null when there is none. */
  update(type: AnyDeviceType, deviceId: string, patch: DevicePatch, now: number): Promise<DeviceRecord | null>
  /** Deletes the device and its readings; its messages stay as the audit trail. False when there was none. */
  delete(type: AnyDeviceType, deviceId: string): Promise<boolean>
}

// ---- readings

export interface StoredSample extends NewSample {
  readonly id: string
}

export interface ReadingFilter {
  readonly deviceId?: string
  /** Inclusive. */
  readonly from?: number
  /** Exclusive. */
  readonly to?: number
}

export const AGGREGATES = ['avg', 'min', 'max', 'sum', 'count', 'first', 'last'] as const
export type AggregateFunction = (typeof AGGREGATES)[number]
export const INTERVALS = ['minute', 'hour', 'day', 'week', 'month'] as const
/** Calendar buckets in UTC; a week starts on Monday. */
export type Interval = (typeof INTERVALS)[number]

export interface AggregateQuery extends ReadingFilter {
  readonly field: string
  readonly fn: AggregateFunction
  readonly interval?: Interval
}

export interface AggregateBucket {
  /** Start of the bucket; null when no interval was asked for. */
  readonly bucket: number | null
  /** `first` and `last` give the field's stored value; the others a number; null over nothing. Null values do not count. */
  readonly result: StoredValue
}

export interface ReadingStore {
  /** Newest first by default; equal timestamps by id. */
  list(
    type: AnyDeviceType,
    filter: ReadingFilter & { readonly order?: 'asc' | 'desc' },
    page: PageRequest,
  ): Promise<Page<StoredSample>>
  /** The sample with the greatest measured time of each device that has one. */
  latest(type: AnyDeviceType, deviceIds: readonly string[]): Promise<readonly StoredSample[]>
  /** Without `interval` one bucket; with it the buckets that hold a row, oldest first. */
  aggregate(type: AnyDeviceType, query: AggregateQuery): Promise<readonly AggregateBucket[]>
}

// ---- messages and the log

export interface StoredMessage extends NewMessage {
  readonly id: string
  /** Null for `devicehub_message`. */
  readonly typeKey: string | null
}

export interface MessageFilter {
  readonly deviceId?: string
  readonly status?: MessageStatus
  readonly channel?: Channel
  readonly from?: number
  readonly to?: number
}

export interface MessageStore {
  /** Newest first; `type` null for `devicehub_message`. */
  list(type: AnyDeviceType | null, filter: MessageFilter, page: PageRequest): Promise<Page<StoredMessage>>
  get(ref: MessageRef): Promise<StoredMessage | null>
}

export interface LogPage {
  readonly messages: readonly StoredMessage[]
  /** Where to go on; unchanged when there was nothing. */
  readonly cursor: string
}

/**
 * The message tables as one log. A row that commits late, behind a higher position of another writer, is still seen;
 * no row is seen twice. In order per device as long as one process writes the device's messages.
 */
export interface LogStore {
  /** `types`: null in the list stands for `devicehub_message`. At most `limit` rows; a cursor of null is the beginning. */
  read(types: readonly (AnyDeviceType | null)[], cursor: string | null, limit: number): Promise<LogPage>
  /** The cursor behind everything that is committed now. */
  end(types: readonly (AnyDeviceType | null)[]): Promise<string>
  /** The cursor before the first row that was received at `time` or later; the end when there is none. Reads what is older: not for every request. */
  seek(types: readonly (AnyDeviceType | null)[], time: number): Promise<string>
  /** How many committed rows lie behind a cursor, counted up to `max`. */
  count(types: readonly (AnyDeviceType | null)[], cursor: string | null, max: number): Promise<number>
}

import type { AnyDeviceType } from '../device-type/device-type.js'
import type { Channel } from '../topic.js'
import type { ClaimStore } from './claims.js'
import type { CommandStore } from './commands.js'
import type {
  CommitBatch,
  CommitResult,
  MessageRef,
  MessageStatus,
  NewMessage,
  NewSample,
  StoredValue,
} from './commit.js'
import type { ConsumerStore } from './consumers.js'
import type { CredentialStore } from './credentials.js'
import type { LeaseStore } from './leases.js'
import type { Page, PageRequest } from './page.js'
import type { MigrateOptions, RetentionResult, SchemaPlan } from './schema.js'
import type { TwinStore } from './twins.js'

export * from './commit.js'
export * from './page.js'
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

/** Whether a device of this status can be expected to hear: it has a session, whatever else it says of itself. */
export const isReachable = (status: DeviceStatus): boolean =>
  status !== 'offline' && status !== 'provisioning'

export interface DeviceRecord {
  readonly deviceId: string
  readonly name: string
  readonly status: DeviceStatus
  /** When the news came in that set status, battery and firmware: the hub's time, not the device's. */
  readonly statusAt: number | null
  /** The device's own time of the latest report that had one: it orders the device's reports among themselves; null: any counts. */
  readonly statusClaimedAt: number | null
  readonly batteryLevel: number | null
  readonly lastSeen: number | null
  readonly firmwareVersion: string | null
  readonly isActive: boolean
  /** When the connection began that the broker told of last; null: it tells of none. */
  readonly sessionAt: number | null
  readonly mqttUsername: string | null
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
  /**
   * Deletes the device, its readings and last values and its desired state (the version stays, and what the broker retains is due to be
   * cleared), and cancels its commands; its messages stay as the audit trail. False when there was none.
   */
  delete(type: AnyDeviceType, deviceId: string, now: number): Promise<boolean>
}

// ---- readings

export interface StoredSample extends NewSample {
  readonly id: string
}

export interface LatestReadings {
  readonly deviceId: string
  /** The greatest of its samples'. */
  readonly orderAt: number
  /** In the order of `type.readingNames`; null: the device never sent one. */
  readonly values: readonly (LatestValue | null)[]
}

export interface LatestValue {
  readonly value: Exclude<StoredValue, null>
  /** `orderAt` of its sample. */
  readonly at: number
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
  /**
   * The last known value of each reading, of each device that ever sent a sample (invariant 4): by `orderAt`, of equal
   * ones that of the sample stored later. It stays when its sample is deleted, until the device is; of a type with
   * `lastValues: false` the samples there are tell it. `invalid_query` for devices that have more than `LATEST_BYTES` together.
   */
  latest(type: AnyDeviceType, deviceIds: readonly string[]): Promise<readonly LatestReadings[]>
  /** The sample with the greatest `orderAt` of each device that has one; of equal ones the one stored later. Bounded like `latest`. */
  latestSamples(type: AnyDeviceType, deviceIds: readonly string[]): Promise<readonly StoredSample[]>
  /** Without `interval` one bucket; with it the buckets that hold a row, oldest first. `first` and `last` go by `orderAt`. */
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
  /** It ended before `limit` for its bytes: there is more. */
  readonly more?: boolean
}

/**
 * The message tables as one log. A row that commits late, behind a higher position of another writer, is still seen;
 * no row is seen twice. In order per device as long as one process writes the device's messages.
 */
export interface LogStore {
  /**
   * `types`: null in the list stands for `devicehub_message`. At most `limit` rows, and bytes as `PageRequest.maxBytes`
   * says; a cursor of null is the beginning.
   */
  read(
    types: readonly (AnyDeviceType | null)[],
    cursor: string | null,
    limit: number,
    maxBytes?: number,
  ): Promise<LogPage>
  /** The cursor behind everything that is committed now. */
  end(types: readonly (AnyDeviceType | null)[]): Promise<string>
  /** The cursor before the first row that was received at `time` or later; the end when there is none. Reads what is older: not for every request. */
  seek(types: readonly (AnyDeviceType | null)[], time: number): Promise<string>
  /** How many committed rows lie behind a cursor, counted up to `max`. */
  count(types: readonly (AnyDeviceType | null)[], cursor: string | null, max: number): Promise<number>
}

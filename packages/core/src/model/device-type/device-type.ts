import type { Codec } from '../codec/codec.js'
import type { Duration } from '../duration.js'
import type { MessageRecord } from '../message.js'
import type { Labels } from '../selector/labels.js'
import type { DeviceStatus } from '../statuses.js'
import type { Field } from './field.js'
import type { OfflinePolicy } from './offline-policy.js'

/** What becomes of a message of a device that does not exist: kept for a replay, the device created, or refused. */
export type UnknownDevicePolicy = 'quarantine' | 'register' | 'reject'
/** What becomes of a field that is not declared: left out, left out and flagged, or the sample refused. */
export type UnknownFieldPolicy = 'ignore' | 'flag' | 'reject'
/**
 * What becomes of a value outside its range: stored and flagged, the sample refused, or set to the bound and flagged.
 */
export type OutOfRangePolicy = 'flag' | 'reject' | 'clamp'
/** What becomes of a sample with a value of the wrong type: the other readings are stored, or it is refused. */
export type BadReadingPolicy = 'flag' | 'reject'
/** What becomes of a time that cannot be true: see `IngestPolicies.impossibleTime`. */
export type ImpossibleTimePolicy = 'received' | 'flag' | 'reject'

/**
 * Policies a hub sets for all its types and a type can set for itself. Of a declared type, durations are numbers of seconds:
 * `Time` is `number` there.
 */
export interface IngestPolicies<Time extends Duration = Duration> {
  /** Default `quarantine`: the audit row says so and can be replayed once the device exists. */
  readonly unknownDevice: UnknownDevicePolicy
  /** Default `ignore`. */
  readonly unknownField: UnknownFieldPolicy
  /** Default `flag`: stored as sent, with `out_of_range:<reading>`. */
  readonly outOfRange: OutOfRangePolicy
  /**
   * What becomes of a sample with a value that does not fit its reading. Default `flag`: the other readings are stored,
   * with `bad_reading:<reading>`, and the audit row says why. `reject`: the sample is refused.
   */
  readonly badReading: BadReadingPolicy
  /**
   * How far a device's clock may be off; default 7 days back, 10 minutes ahead, `Infinity` admits any. A measured time further back is
   * flagged `clock_skew` and stored: devices send what they kept during an outage. One further ahead cannot be true.
   */
  readonly clockSkew: { readonly past: Time; readonly future: Time }
  /** A measured time before this cannot be true; default 2020-01-01T00:00:00Z. Clocks that start at boot begin in 1970 or 2000. */
  readonly earliestTime: Date
  /**
   * What becomes of a sample whose time cannot be true. Such a time orders nothing. Default `received`: the received time
   * stands in. `flag`: it is stored as sent. Both flag the sample `impossible_time`. `reject`: the sample is refused.
   */
  readonly impossibleTime: ImpossibleTimePolicy
  /** Of times that name none: `UTC` (the default), a fixed offset such as `+02:00`, or a zone such as `Europe/Berlin`. */
  readonly timeZone: string
}

/** How long rows are kept. */
export interface Retention<Time extends Duration = Duration> {
  /** Readings received longer ago are deleted by `createRetention`. Absent: kept for good. */
  readonly readings?: Time
  /** The same for messages, by received time. */
  readonly messages?: Time
}

/** All options of a type. Of a declared type, durations are numbers of seconds: `Time` is `number` there. */
export interface TypeOptions<Time extends Duration = Duration> extends IngestPolicies<Time> {
  /** Default `mqtt`. */
  readonly protocol: string
  /** Name of the broker the type's devices use; default `default`. */
  readonly broker: string
  /** The time between two signs of life; default 5 min. */
  readonly heartbeatInterval: Time
  /** Default `{prefix}/{type_name}/{device_id}/{channel}`. */
  readonly topicTemplate: string
  /** Default JSON. */
  readonly codec: Codec
  /** Name of the payload's field that is the sample's id; default `id`. False: samples have no id, whatever `id` says. */
  readonly sampleId: string | false
  /** Name of the payload's field that says when it was measured; default `timestamp`. False: the received time counts. */
  readonly timestampField: string | false
  /** Default: everything is kept. */
  readonly retention: Retention<Time>
  /**
   * Whether the last value of each reading is kept beside the samples, default true: `hub.readings.latest` is a look-up
   * then, and a value outlives its sample. False spares each commit that work, for a type whose last values are hardly
   * asked for: they are searched in the samples there are. See docs/decisions/last-values-have-a-table.md.
   */
  readonly lastValues: boolean
  /** What becomes of commands while the device is not connected, where `send` does not say; default `queue`. */
  readonly onOffline: OfflinePolicy
}

/** A type with its inference erased: what the pipeline, storages and transports work with. Every `DeviceType<...>` is one. */
export interface AnyDeviceType {
  /** Tells a device type from other objects; see `isDeviceType`. */
  readonly kind: 'device-type'
  /** As declared. */
  readonly name: string
  /** Lower case, without `_`: the topic segment and the prefix of the tables. */
  readonly key: string
  /** Whether it has no tables and no topics and is there to be extended. */
  readonly abstract: boolean
  /** Keys of the types it extends, nearest first; absent when it extends none. */
  readonly ancestors?: readonly string[] | undefined
  /** Readings by name. */
  readonly readings: Readonly<Record<string, Field>>
  /** Column order: inherited ones first, then as declared. */
  readonly readingNames: readonly string[]
  /** Commands by name. */
  readonly commands: Readonly<Record<string, AnyCommand>>
  /** State fields by name. */
  readonly state: Readonly<Record<string, Field>>
  /** Names of the state fields, in the order of their values in rows. */
  readonly stateNames: readonly string[]
  /** Only what the type sets itself (inherited included); the hub fills in the rest. Durations are numbers of seconds. */
  readonly options: Partial<TypeOptions<number>>
  /** Called after the commit; empty when none is declared. */
  readonly hooks: AnyHooks
}

/** A declared command of whatever type. */
export interface AnyCommand {
  /** A zod schema; null takes no payload. */
  readonly payload: unknown
  /** A zod schema; null: anything. */
  readonly result: unknown
  /** For people; null: none. */
  readonly description: string | null
  /** Default 1. */
  readonly qos: 0 | 1 | 2
}

/** Called after the commit, isolated from ingest and from each other. Method syntax: a narrower parameter is admitted. */
export interface AnyHooks {
  /** One sample was stored. */
  onData?(event: {
    device: Device
    readings: Readonly<Record<string, unknown>>
    measuredAt: Date
    flags: readonly string[]
    message: MessageRecord
  }): unknown
  /** The device's status became another. */
  onStatusChange?(event: { device: Device; oldStatus: DeviceStatus; newStatus: DeviceStatus }): unknown
  /** The device became reachable. */
  onConnect?(event: { device: Device }): unknown
  /** The device is not reachable any more. */
  onDisconnect?(event: { device: Device; reason: string }): unknown
  /** The device replied to a command. */
  onCommandResponse?(event: {
    device: Device
    command: string
    id: string
    status: string
    result: unknown
    error: string | null
  }): unknown
}

/** A device as the API and the signals show it: no credentials. */
export interface Device<State = Readonly<Record<string, unknown>>> {
  /** Its device type. */
  readonly type: AnyDeviceType
  /** Unique within the type; a level of its topics. */
  readonly deviceId: string
  /** Shown to people; the device id unless another was given. */
  readonly name: string
  /** As reported, set by hand, or decided by presence. */
  readonly status: DeviceStatus
  /** Percent. */
  readonly batteryLevel: number | null
  /** When the hub last heard of it; null: never. */
  readonly lastSeen: Date | null
  /** As reported last; null: never. */
  readonly firmwareVersion: string | null
  /** False: its messages are rejected. */
  readonly isActive: boolean
  /** At brokers; null: it has no password there. */
  readonly mqttUsername: string | null
  /** Whatever the application keeps with it, as JSON. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** By key, in the order of the keys. */
  readonly labels: Labels
  /** Its state fields as reported last, else their defaults. */
  readonly state: State
  /** When it was created. */
  readonly createdAt: Date
  /** When its row was last changed. */
  readonly updatedAt: Date
}

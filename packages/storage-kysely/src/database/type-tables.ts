import type { AnyDeviceType, DeviceStatus, MessageStatus } from '@devicehub/core'
import type { MessageDirection } from '@devicehub/core/definition'
import type { Generated } from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'
import type {
  Bool,
  Bytes,
  CountFrom0,
  FieldColumns,
  Flatten,
  Integer,
  NullableInteger,
  Time,
} from './column-types.js'

/** Devices and their current state, a row each, with a column for each state field. */
export type DeviceTable<Type extends AnyDeviceType, Dialect extends SqlDialect = 'sqlite'> = Flatten<
  DeviceColumns<Dialect> & FieldColumns<Type['state'], Dialect>
>

/** Samples, a row each, with a column for each reading. `device_id` is that of the device table. */
export type ReadingTable<Type extends AnyDeviceType, Dialect extends SqlDialect = 'sqlite'> = Flatten<
  ReadingColumns<Dialect> & FieldColumns<Type['readings'], Dialect>
>

/**
 * The last known value of each reading, a row for each device, and when it was measured: column `<reading>__at` (a
 * name of more than 59 characters is shortened there).
 */
export type LatestTable<Type extends AnyDeviceType, Dialect extends SqlDialect = 'sqlite'> = Flatten<
  LatestColumns<Dialect> &
    FieldColumns<Type['readings'], Dialect> & {
      -readonly [Name in keyof Type['readings'] & string as `${Name}__at`]: Time<Dialect> | null
    }
>

/** Every message received or sent, a row each: the audit trail and the log. */
export type MessageTable<Dialect extends SqlDialect = 'sqlite'> = Flatten<
  MessageColumns<Dialect> & (Dialect extends 'postgres' ? { tx: Generated<string> } : unknown)
>

interface DeviceColumns<D extends SqlDialect> {
  id: Generated<Integer<D>>
  device_id: string
  name: string
  status: Generated<DeviceStatus>
  /** When the message came in that set status, battery and firmware. */
  status_at: Time<D> | null
  /** The device's own time of its latest status message that had one. */
  status_claimed_at: Time<D> | null
  /** Percent. */
  battery_level: number | null
  last_seen: Time<D> | null
  firmware_version: string | null
  is_active: Generated<Bool<D>>
  /** When the MQTT connection began that the broker reported last. */
  session_at: Time<D> | null
  mqtt_username: string | null
  /** JSON text of an object. */
  metadata: Generated<string>
  /** JSON text of an object. `devicehub_label` has a row for each of them. */
  labels: Generated<string>
  /** What came in before is not shown in scopes. */
  created_at: Time<D>
  updated_at: Time<D>
}

interface ReadingColumns<D extends SqlDialect> {
  id: Generated<Integer<D>>
  device_id: string
  /** Measured time; the received time when the device sent none. */
  timestamp: Time<D>
  received_at: Time<D>
  /**
   * The time that decides which sample is first, last or latest; null: `timestamp` does. Set when the device's time
   * cannot be true.
   */
  order_at: Time<D> | null
  /** The id that the sample carried; null: none. */
  sample_id: string | null
  content_hash: NullableInteger<D>
  /** Not 0: a later sample came with the same id and other content. */
  sample_reuse: CountFrom0<D>
  /** Space-separated, such as `clock_skew out_of_range:temperature`. */
  flags: string | null
}

interface LatestColumns<D extends SqlDialect> {
  device_id: string
  /** Measured time of its latest sample; its received time when the measured one cannot be true. */
  order_at: Time<D>
  /** `timestamp` of that sample. */
  timestamp: Time<D>
}

interface MessageColumns<D extends SqlDialect> {
  id: Generated<Integer<D>>
  device_id: string | null
  channel: string | null
  direction: MessageDirection
  topic: string
  /** JSON text as it was sent. */
  payload_json: string | null
  /** The bytes of a payload that is not JSON. */
  payload_raw: Bytes | null
  content_type: string | null
  correlation_id: string | null
  /** JSON text. */
  user_properties: string | null
  source: string
  qos: number
  redelivered: Bool<D>
  retained: Bool<D>
  processing_status: MessageStatus
  error_code: string | null
  processing_error: string | null
  flags: string | null
  /** `<type key>:<id>`. */
  replay_of: string | null
  received_at: Time<D>
  processed_at: Time<D>
}

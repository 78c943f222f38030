import type { CommandState, OfflinePolicy } from '@devicehub/core'
import type { Generated } from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'
import type { Bool, Count, Integer, NullableInteger, Time } from './column-types.js'

/** Leases, a row each: which process alone does a task. */
export interface LeaseTable<Dialect extends SqlDialect = 'sqlite'> {
  /** What the lease is for. Unique. */
  name: string
  /** Who holds it; empty when it was released. */
  holder: string
  /** Grows with each acquisition. */
  epoch: Count<Dialect>
  /** Time to live, milliseconds. */
  ttl: Count<Dialect>
  /** Epoch milliseconds by the database's clock. */
  expires_at: Count<Dialect>
  /** A text the holder may leave for others; null: none. */
  note: string | null
}

/** Durable consumers of the log, a row each. */
export interface ConsumerTable<Dialect extends SqlDialect = 'sqlite'> {
  /** The name given to `hub.consume`. Unique. */
  name: string
  /** JSON text of an array of type keys; null stands for `devicehub_message`. */
  type_keys: string
  /** The cursor of `storage.log`: where it continues. Null is the beginning. */
  position: string | null
  /** Epoch of the lease of the process that runs it. */
  epoch: Count<Dialect>
  /** How many log rows it has passed. */
  passed: Count<Dialect>
  /** How many log rows were deleted before it had read them. */
  missed: Count<Dialect>
  /** When it first ran. */
  created_at: Time<Dialect>
  /** When its position was last moved. */
  updated_at: Time<Dialect>
}

/** Messages that a consumer could not handle and set aside, a row each. */
export interface ConsumerFailureTable<Dialect extends SqlDialect = 'sqlite'> {
  /** Numbered by the database. */
  id: Generated<Integer<Dialect>>
  /** The consumer's name. */
  consumer: string
  /** Type key of the message; empty for `devicehub_message`. */
  type_key: string
  /** The message's `id` in its table. */
  message_id: Count<Dialect>
  /** The device of the message; null: of none. */
  device_id: string | null
  /** What the handler threw, one line. */
  error: string
  /** How often the handler was called with it. */
  attempts: Count<Dialect>
  /** When it was set aside. */
  first_failed_at: Time<Dialect>
  /** When the handler failed last. */
  failed_at: Time<Dialect>
  /** Whether it was asked to be retried. */
  due: Bool<Dialect>
}

/** Commands to devices, a row each. */
export interface CommandTable<Dialect extends SqlDialect = 'sqlite'> {
  /** Numbered by the database, in order of creation. */
  id: Generated<Integer<Dialect>>
  /** The id the device sees. Unique. */
  command_id: string
  /** Type key of the device. */
  type_key: string
  /** The device it is for. */
  device_id: string
  /** Name of the command, as declared. */
  command: string
  /** JSON text; null: none. */
  payload: string | null
  /** Where it is between `queued` and its final state. */
  state: CommandState
  /** How often it was published. */
  attempts: Count<Dialect>
  /** How often it is published again when no reply came. */
  retries: Count<Dialect>
  /** From a publication to the final reply, milliseconds. */
  timeout: Count<Dialect>
  /** From creation until it is no longer published, milliseconds. */
  expires_in: Count<Dialect>
  /** What happens while its device is offline. */
  on_offline: OfflinePolicy
  /** Id of the bulk it was created in; null: alone. */
  batch: string | null
  /** JSON text of what the device answered; null: nothing. */
  result: string | null
  /** Why it did not succeed; null otherwise. */
  reason: string | null
  /** The process that currently handles it; null: none. */
  claim: string | null
  /** When it is looked at next, epoch milliseconds by the database's clock; null: never. */
  next_at: NullableInteger<Dialect>
  /** When it is no longer published, epoch milliseconds by the database's clock. */
  expires_at: Count<Dialect>
  /** When it was created. */
  created_at: Time<Dialect>
  /** When it was last published; null: not yet. */
  sent_at: Time<Dialect> | null
  /** When the device accepted it; null: it did not. */
  accepted_at: Time<Dialect> | null
  /** When it reached its final state; null: not yet. */
  finished_at: Time<Dialect> | null
}

/** The desired state of devices, a row each. The reported state is in the device table's columns. */
export interface TwinTable<Dialect extends SqlDialect = 'sqlite'> {
  /** Type key of the device. */
  type_key: string
  /** Its device id. */
  device_id: string
  /** JSON text of an object: the desired value of each state field that has one. */
  desired: string
  /** JSON text of an object: when each was set, epoch milliseconds. */
  desired_at: string
  /** Grows with each change of the desired state. */
  version: Count<Dialect>
  /** The version the broker took last; 0: none. */
  published_version: Count<Dialect>
  /** The device was deleted, and what the broker retains is to be removed. */
  cleared: Bool<Dialect>
  /** The highest version the device has applied; null: none. */
  reported_version: NullableInteger<Dialect>
  /** JSON text of an object: `{ at, version }` of the last report of each field. */
  reported_at: string
  /** The process that currently publishes it; null: none. */
  claim: string | null
  /** When it is published next, epoch milliseconds by the database's clock; null: it is published. */
  next_at: NullableInteger<Dialect>
  /** Whether what is desired was reported; null: not known since an earlier release wrote the row. */
  in_sync: Bool<Dialect> | null
}

/** The labels of devices, a row each, for searching. What a device shows is its column `labels`. */
export interface LabelTable {
  /** Type key of the device. */
  type_key: string
  /** Its device id. */
  device_id: string
  /** The label's key. */
  label: string
  /** Its value. */
  value: string
}

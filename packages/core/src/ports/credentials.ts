import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { DeviceRecord } from './devices.js'
import type { TwinKey } from './twins.js'

/** `password`: of a user name at brokers. `api_key`: of HTTP, with no user name beside it. */
export type CredentialKind = 'password' | 'api_key'

/**
 * What devices authenticate with, never a secret itself. A device may have several of a kind at a time: the old one
 * stays good for a while when a new one is issued.
 */
export interface CredentialStore {
  /** Those that are looked up by any of these, in any order, the expired ones too, each with the state of its device; those of a deleted device are gone. */
  find(kind: CredentialKind, lookups: readonly string[]): Promise<readonly FoundCredential[]>
  /** Those of these devices, in any order. */
  ofDevices(type: AnyDeviceType, deviceIds: readonly string[]): Promise<readonly CredentialRecord[]>
  /**
   * Issues and withdraws, in one transaction for all of them, in order; tells what became of each.
   * `credential_taken` when another device has the user name or the API key: nothing was written then.
   */
  write(writes: readonly CredentialWrite[]): Promise<readonly CredentialOutcome[]>
  /**
   * Devices whose credentials, activation or existence changed behind `position`: whatever was committed before this
   * call began is told, however its transactions overlapped. With null only the present position. When more than
   * `limit` devices changed, `devices` is null: anything may have.
   */
  changes(position: number | null, limit: number): Promise<AccessChanges>
}

/** A credential before it belongs to a device. */
export interface NewCredential {
  /** Unique; 1 to 64 characters. */
  readonly id: string
  /** What it is for. */
  readonly kind: CredentialKind
  /** The user name; of an API key its keyed hash. At most 255 characters, compared to the letter. */
  readonly lookup: string
  /** What a secret is compared with; says itself how. At most 512 characters. */
  readonly hash: string
  /** Epoch milliseconds, by the hub's clock as all of these. */
  readonly createdAt: number
  /** From then on it is refused; null: good until it is withdrawn. */
  readonly expiresAt: number | null
}

/** A credential of a device. */
export interface CredentialRecord extends NewCredential {
  /** Of the device's type. */
  readonly typeKey: string
  /** Id of the device. */
  readonly deviceId: string
}

/** A credential with what a login needs of its device. */
export interface FoundCredential extends CredentialRecord {
  /** Of its device. */
  readonly isActive: boolean
}

/** What to issue and withdraw for one device. */
export interface CredentialWrite {
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** Id of the device. */
  readonly deviceId: string
  /** The device to make when there is none; null: `device_not_found` then. */
  readonly create: DeviceRecord | null
  /** True: a device that exists already is left alone, `existing`. */
  readonly onlyNew: boolean
  /** A device that has one of these kinds that is good at `now` is left alone, `has_credentials`; undefined: whatever it has. */
  readonly onlyWithout?: readonly CredentialKind[]
  /**
   * What becomes of the credentials it has, of these kinds: good until `at` at the latest; null: they stay. Those whose
   * time is over by `now` are deleted.
   */
  readonly retire: { readonly kinds: readonly CredentialKind[]; readonly at: number } | null
  /** To issue. */
  readonly add: readonly NewCredential[]
  /** For the device's `mqtt_username`; undefined: as it is. */
  readonly username: string | null | undefined
  /** Epoch milliseconds. */
  readonly now: number
}

/** What became of a write. `updated`: the device existed. Of the last three nothing was written. */
export type CredentialOutcome = 'created' | 'updated' | 'existing' | 'has_credentials' | 'device_not_found'

/** Devices whose access changed. */
export interface AccessChanges {
  /** For the next call. Grows with each change. */
  readonly position: number
  /** Null: too many, anything may have changed. */
  readonly devices: readonly TwinKey[] | null
}

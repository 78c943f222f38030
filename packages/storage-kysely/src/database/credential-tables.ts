import type { CredentialKind } from '@devicehub/core/storage'
import type { Generated } from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'
import type { Bool, Count, Time } from './column-types.js'

/** Passwords and API keys of devices, a row each. Holds hashes only, never a secret. */
export interface CredentialTable<Dialect extends SqlDialect = 'sqlite'> {
  /** Unique. */
  id: string
  /** Type key of the device. */
  type_key: string
  /** Its device id. */
  device_id: string
  /** `password`: for brokers, with a user name. `api_key`: for HTTP. */
  kind: CredentialKind
  /** The user name; for an API key its keyed hash. Unique within `kind`. */
  lookup: string
  /** What the secret is compared with, a keyed or slow hash; it names its own algorithm. */
  hash: string
  /** When it was issued. */
  created_at: Time<Dialect>
  /** When it stops being accepted; null: never. */
  expires_at: Time<Dialect> | null
}

/**
 * When the access of a device last changed: its credentials, whether it is active, whether it exists. Counted, not
 * timed; the row with empty keys is the counter.
 */
export interface AccessTable<Dialect extends SqlDialect = 'sqlite'> {
  /** Type key of the device. */
  type_key: string
  /** Its device id. */
  device_id: string
  /** The count at its last change. */
  epoch: Count<Dialect>
}

/** Claim keys, a row each: with one, devices obtain their credentials. */
export interface ClaimKeyTable<Dialect extends SqlDialect = 'sqlite'> {
  /** Unique. */
  id: string
  /** Keyed hash of the key. Unique. */
  lookup: string
  /** Type key of the devices it is for. */
  type_key: string
  /** A name for people. */
  name: string
  /** Whether it also creates devices that do not exist yet. */
  creates_devices: Bool<Dialect>
  /** What a device id must begin with; empty: anything. */
  id_prefix: string
  /** How many devices it can claim. */
  max_uses: Count<Dialect>
  /** How many it has claimed. */
  uses: Count<Dialect>
  /** When it was created. */
  created_at: Time<Dialect>
  /** When it stops being accepted. */
  expires_at: Time<Dialect>
  /** When it was revoked; null: it was not. */
  revoked_at: Time<Dialect> | null
  /** JSON text of an object: the labels of devices that it creates. */
  labels: Generated<string>
}

/** Devices that were claimed with a claim key, a row each. */
export interface ClaimTable<Dialect extends SqlDialect = 'sqlite'> {
  /** Type key of the device. */
  type_key: string
  /** Its device id. */
  device_id: string
  /** Id of the claim key. */
  key_id: string
  /** Keyed hash of a secret that only the device knows: with it a lost answer can be asked for again. */
  proof: string
  /** When it was claimed. */
  claimed_at: Time<Dialect>
}

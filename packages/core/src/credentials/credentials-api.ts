import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Duration } from '../model/duration.js'

/** A device that has proved who it is. */
export interface Principal {
  /** Its device type. */
  readonly type: AnyDeviceType
  /** Its id, unique within the type. */
  readonly deviceId: string
  /** At brokers; null when it authenticated with an API key. */
  readonly username: string | null
  /** When its credential ends; null: it does not. */
  readonly expiresAt: Date | null
}

/** How logins and API keys were answered, in this process. */
export interface CredentialsStats {
  /** Credentials asked of the database, by user name or key. */
  readonly lookups: number
  /** Queries that did so. */
  readonly queries: number
  /** Looks at what changed elsewhere. */
  readonly checks: number
  /** Answers from the cache. */
  readonly hits: number
  /** Passwords hashed with scrypt. */
  readonly slowHashes: number
  /** Credentials in the cache now. */
  readonly cached: number
}

/** How secrets of devices are stored: never themselves. */
export interface SecretHashes {
  /** Keyed, fast: for secrets of 128 random bits or more. Bound to what it is looked up by. */
  keyed(lookup: string, secret: string): string
  /** Slow (scrypt), so many at once, the rest in a bounded queue (`queue_full`): for passwords that a person chose. */
  slow(password: string): Promise<string>
  /** What an API key or a claim key is looked up by: its keyed hash, with the present secret first. */
  lookups(purpose: 'api_key' | 'claim_key' | 'claim_proof', secret: string): readonly string[]
}

/**
 * Who somebody is. Answers come from a cache; what was revoked, deactivated or deleted before the call, in whatever
 * process, is never answered from it. All of them reject with `storage_unavailable` while the database is away, and with
 * `queue_full` when too many wait already; `invalid_options` when the hub has no `credentials.secret`.
 */
export interface CredentialsApi {
  /**
   * Null: no such user name, a wrong password, expired, revoked, or the device is deactivated; which of them is not
   * told, nor by the time it takes.
   *
   * @example
   * import { createDeviceHub } from '@devicehub/core'
   * import { WeatherStation } from './hub.js'
   *
   * const secret = process.env.DEVICEHUB_SECRET ?? ''
   * const hub = createDeviceHub({ types: [WeatherStation], credentials: { secret } })
   * const device = await hub.credentials.verify({ username: 'weatherstation_STATION-001', password: 'from the login' })
   * device?.deviceId // STATION-001, when the password is right
   */
  verify(login: { readonly username: string; readonly password: string }): Promise<Principal | null>
  /** The same for an API key. */
  verifyApiKey(apiKey: string): Promise<Principal | null>
  /** The device of a user name, when it has a password that is good now. For decisions behind the login. */
  find(username: string): Promise<Principal | null>
  /** For who issues credentials: how secrets are stored. */
  readonly hashes: SecretHashes
  /** Counted since the hub was created, in this process. */
  stats(): CredentialsStats
}

/** How a hub stores and checks secrets of devices. */
export interface CredentialOptions {
  /**
   * Keys the hashes of secrets: 32 characters or more, from `openssl rand -base64 32`, the same in every process. Lose
   * it, and every credential is lost. Of several the first makes new hashes, all are tried: that is how it is replaced.
   */
  readonly secret: string | readonly string[]
  /** Credentials remembered; default 100,000. */
  readonly maxCacheEntries?: number
  /** How long an answer is remembered, known or unknown; default 1 min. A revocation does not wait for it. */
  readonly cacheFor?: Duration
  /** Look-ups that may wait for the database; default 20,000. */
  readonly maxQueued?: number
  /** Slow hashes at once; default 2. */
  readonly hashConcurrency?: number
  /** Slow hashes that may wait; default 100, of which 4 of one user name. */
  readonly maxQueuedHashes?: number
}

import type { Labels } from '../model/selector/labels.js'
import type { CredentialWrite } from './credentials.js'
import type { Page, PageRequest } from './page.js'

/** Keys with which devices obtain their credentials, and which device did. */
export interface ClaimStore {
  /** Its id and its look-up are new. */
  createKey(key: ClaimKeyRecord): Promise<void>
  /** By the keyed hash of the key itself; null when there is none. */
  findKey(lookup: string): Promise<ClaimKeyRecord | null>
  /** Newest first. */
  listKeys(page: PageRequest): Promise<Page<ClaimKeyRecord>>
  /** False when there is none of that id, or it is withdrawn already. */
  revokeKey(id: string, now: number): Promise<boolean>
  /**
   * In one transaction, under a lock of the key: looks whether the key is still good, whether the device may be
   * claimed, counts the use, writes the credentials, remembers the claim. A device that was claimed is only given new
   * credentials with the proof of that claim, as long as it has some that are good: its answer may have been lost; that
   * counts no further use.
   */
  claim(request: ClaimRequestRecord): Promise<ClaimOutcome>
}

/** A key with which devices obtain their credentials; never the key itself. Times are epoch milliseconds. */
export interface ClaimKeyRecord {
  /** Unique; 1 to 64 characters. */
  readonly id: string
  /** Keyed hash of the key. Unique. */
  readonly lookup: string
  /** Of the type whose devices may claim with it. */
  readonly typeKey: string
  /** For people; at most 255 characters. */
  readonly name: string
  /** Whether a device that does not exist may be claimed, and is created. False: only registered ones. */
  readonly createsDevices: boolean
  /** Device ids have to begin with it; empty: any. */
  readonly idPrefix: string
  /** Of devices that it creates. */
  readonly labels: Labels
  /** How many devices may be claimed with it. */
  readonly maxUses: number
  /** How many were. */
  readonly uses: number
  /** When it was made. */
  readonly createdAt: number
  /** From then on it is refused. */
  readonly expiresAt: number
  /** When it was withdrawn; null: it was not. */
  readonly revokedAt: number | null
}

/** A device that shows a claim key. */
export interface ClaimRequestRecord {
  /** Of the key it shows. */
  readonly keyId: string
  /** Keyed hash of what the device alone knows, made by it for its claim. */
  readonly proof: string
  /** `create` is set when the key allows it. Applied as by `CredentialStore.write`, `onlyNew` false. */
  readonly write: CredentialWrite
  /** Epoch milliseconds by the hub's clock. */
  readonly now: number
}

/**
 * `claimed`: the first time. `repeated`: with the proof of its claim. The others write nothing: `key_refused`: expired,
 * withdrawn or used up. `device_claimed`: it has credentials, or had some that were withdrawn, or was claimed with another proof.
 * `device_inactive`. `device_not_found`.
 */
export type ClaimOutcome =
  | 'claimed'
  | 'repeated'
  | 'key_refused'
  | 'device_claimed'
  | 'device_inactive'
  | 'device_not_found'

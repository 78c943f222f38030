import type { ClaimKeyRecord, ClaimOutcome, ClaimRequestRecord } from '../ports/claims.js'
import { isCredentialGood } from './states.js'

/** What a claim is judged by. Nobody else may change it until the claim is written. */
export interface ClaimRows {
  /** Null: there is none of that id. */
  readonly key: Pick<ClaimKeyRecord, 'uses' | 'maxUses' | 'expiresAt' | 'revokedAt'> | null
  /** Null: there is none. */
  readonly device: { readonly isActive: boolean; readonly username: string | null } | null
  /** Of the claim by which the device was claimed; null: it was not. */
  readonly proof: string | null
  /** When each of the device's credentials ends. */
  readonly credentials: readonly (number | null)[]
}

/** Whether a key was neither withdrawn nor has expired; it may be used up. */
export const isClaimKeyGood = (
  { revokedAt, expiresAt }: Pick<ClaimKeyRecord, 'expiresAt' | 'revokedAt'>,
  now: number,
): boolean => revokedAt === null && expiresAt > now

/**
 * The rules of `ClaimStore.claim`, shared by every storage. With the proof of its claim a device may come again even
 * when the key is used up; not once its credentials were withdrawn, which would give them back to whom they were taken from.
 */
export function judgeClaim(
  { key, device, proof, credentials }: ClaimRows,
  { proof: given, write, now }: Pick<ClaimRequestRecord, 'proof' | 'write' | 'now'>,
): ClaimOutcome {
  if (key === null || !isClaimKeyGood(key, now)) return 'key_refused'
  const repeated =
    device !== null &&
    proof === given &&
    credentials.some((expiresAt) => isCredentialGood({ expiresAt }, now))
  if (!repeated && key.uses >= key.maxUses) return 'key_refused'
  if (device === null) return write.create === null ? 'device_not_found' : 'claimed'
  if (!device.isActive) return 'device_inactive'
  if (repeated) return 'repeated'
  // A user name without a credential: it had some, and they were withdrawn.
  return proof !== null || credentials.length > 0 || device.username !== null ? 'device_claimed' : 'claimed'
}

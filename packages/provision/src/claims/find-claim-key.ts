import type { ClaimKeyRecord } from '@devicehub/core/storage'
import { isStorableText } from '@devicehub/core/transport'
import type { ProvisionHub } from '../provision-hub.js'

export type ClaimKeyFinder = (key: string) => Promise<ClaimKeyRecord | null>

export const CLAIM_TEXT_MAX = 256

export const isClaimText = (value: unknown, min: number): value is string =>
  typeof value === 'string' && value.length >= min && value.length <= CLAIM_TEXT_MAX && isStorableText(value)

/** By its keyed hash, with the hub's present secret first: keys are never compared themselves. Null for a text that cannot be a key. */
export function createClaimKeyFinder({
  storage,
  credentials,
}: Pick<ProvisionHub, 'storage' | 'credentials'>): ClaimKeyFinder {
  return async (key) => {
    if (!isClaimText(key, 1)) return null
    for (const lookup of credentials.hashes.lookups('claim_key', key)) {
      const found = await storage.claims.findKey(lookup)
      if (found !== null) return found
    }
    return null
  }
}

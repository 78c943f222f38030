import { createHmac, randomBytes } from 'node:crypto'
import type { CredentialRecord } from '../ports/credentials.js'
import { lengthPrefixed } from './length-prefixed.js'
import { createLruTtlCache, type LruTtlCacheOptions } from './lru-ttl-cache.js'
import type { SlowHash } from './slow-hash.js'

/**
 * Caches the results of slow hash comparisons, so that a fleet that reconnects is not hashed again. The cache key is an
 * HMAC with a key of this process: no password is kept, and no fast hash that could be attacked elsewhere. Matches are
 * cached apart from mismatches, so that wrong passwords cannot evict them, and never expire: the key holds the
 * credential and its hash, so a match stays true.
 */
export function createSlowHashCache(slow: Pick<SlowHash, 'matches'>, options: LruTtlCacheOptions) {
  const key = randomBytes(32)
  const matched = createLruTtlCache<true>({ ...options, maxAge: Number.POSITIVE_INFINITY })
  const mismatched = createLruTtlCache<true>(options)
  const inFlight = new Map<string, Promise<boolean>>()

  return async ({ id, hash, lookup }: CredentialRecord, password: string): Promise<boolean> => {
    const cacheKey = createHmac('sha256', key)
      .update(lengthPrefixed(id, hash, password))
      .digest('base64url')
    if (matched.get(cacheKey)) return true
    if (mismatched.get(cacheKey)) return false
    const comparison =
      inFlight.get(cacheKey) ??
      slow
        .matches(lookup, password, hash)
        .then((matches) => {
          const results = matches ? matched : mismatched
          results.set(cacheKey, true)
          return matches
        })
        .finally(() => inFlight.delete(cacheKey))
    inFlight.set(cacheKey, comparison)
    return comparison
  }
}

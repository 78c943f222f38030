import { createHmac, randomBytes } from 'node:crypto'
import type { CredentialRecord } from '../ports/credentials.js'
import { framed } from './framed.js'
import { createRecent, type RecentOptions } from './recent.js'
import type { SlowHash } from './slow-hash.js'

/**
 * Remembers how passwords compared with slow hashes, so that devices that all connect again are not hashed again. A
 * comparison is known by an HMAC with a key of this process: neither a password nor a fast hash of one that could be tried
 * elsewhere is kept. What matched is remembered apart and without end (the credential and its hash are in the name, so it
 * stays true): whoever has logged in once gets in again, however many wrong passwords are tried meanwhile.
 */
export function createSlowMemory(slow: Pick<SlowHash, 'matches'>, options: RecentOptions) {
  const key = randomBytes(32)
  const matched = createRecent<true>({ ...options, maxAge: Number.POSITIVE_INFINITY })
  const refused = createRecent<true>(options)
  const running = new Map<string, Promise<boolean>>()

  return async ({ id, hash, lookup }: CredentialRecord, password: string): Promise<boolean> => {
    const name = createHmac('sha256', key)
      .update(framed(id, hash, password))
      .digest('base64url')
    if (matched.get(name)) return true
    if (refused.get(name)) return false
    const comparison =
      running.get(name) ??
      slow
        .matches(lookup, password, hash)
        .then((matches) => {
          const results = matches ? matched : refused
          results.set(name, true)
          return matches
        })
        .finally(() => running.delete(name))
    running.set(name, comparison)
    return comparison
  }
}

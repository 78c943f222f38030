import { createHmac, randomBytes } from 'node:crypto'
import type { CredentialRecord } from '../ports/credentials.js'
import { framed } from './framed.js'
import { createRecent, type RecentOptions } from './recent.js'
import type { SlowHash } from './slow-hash.js'

/**
 * Remembers how passwords compared with slow hashes, so that devices that all connect again are not hashed again. A
 * comparison is known by an HMAC with a key of this process: neither a password nor a fast hash of one that could be tried
 * elsewhere is kept.
 */
export function createSlowMemory(slow: SlowHash, options: RecentOptions) {
  const key = randomBytes(32)
  const results = createRecent<boolean>(options)
  const running = new Map<string, Promise<boolean>>()

  return async ({ id, hash }: CredentialRecord, password: string): Promise<boolean> => {
    const name = createHmac('sha256', key)
      .update(framed(id, hash, password))
      .digest('base64url')
    const known = results.get(name)
    if (known !== undefined) return known
    const comparison =
      running.get(name) ??
      slow
        .matches(password, hash)
        .then((matches) => {
          results.set(name, matches)
          return matches
        })
        .finally(() => running.delete(name))
    running.set(name, comparison)
    return comparison
  }
}

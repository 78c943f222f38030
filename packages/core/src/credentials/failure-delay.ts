import { createLruTtlCache } from './lru-ttl-cache.js'

/** Wrong passwords of one user name without a delay: a person who mistypes. */
const FREE_ATTEMPTS = 5
/** The first delay; each further wrong password doubles it. */
const FIRST_DELAY_MS = 50
/**
 * The longest delay. It is short, because anybody who knows a user name can make its delay grow, and its own device
 * waits too.
 */
const MAX_DELAY_MS = 250
/** The count of a user name is reset after this time without a wrong password. */
const RESET_AFTER_MS = 60_000
const MAX_USERNAMES = 10_000

/** Exponential backoff for each user name: its delay grows with the wrong passwords since its last right one. */
export interface FailureDelays {
  /** Records a comparison and returns the delay before the next one, in milliseconds. */
  after(username: string, matched: boolean): number
}

export function createFailureDelays(monotonic: () => number): FailureDelays {
  const failures = createLruTtlCache<number>({ max: MAX_USERNAMES, maxAge: RESET_AFTER_MS, monotonic })

  return {
    after(username, matched) {
      const count = matched ? 0 : (failures.get(username) ?? 0) + 1
      failures.set(username, count)
      return count <= FREE_ATTEMPTS
        ? 0
        : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (count - FREE_ATTEMPTS - 1))
    },
  }
}

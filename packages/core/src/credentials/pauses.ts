import { createRecent } from './recent.js'

/** Wrong passwords of one name that cost no pause: a person who mistypes. */
const FREE = 5
/** Milliseconds after the next one; each further one doubles it. */
const FIRST = 50
/**
 * And no longer than that: whoever knows a user name can make its pauses grow, and the shorter they are, the sooner its
 * own device gets a turn.
 */
const LONGEST = 250
/** Milliseconds without a wrong password after which all are forgotten. */
const REMEMBERED = 60_000
const NAMES_MAX = 10_000

/** How long a user name waits after a comparison: the longer, the more wrong passwords it had since its last right one. */
export interface Pauses {
  /** Milliseconds. */
  after(name: string, matched: boolean): number
}

export function createPauses(monotonic: () => number): Pauses {
  const failures = createRecent<number>({ max: NAMES_MAX, maxAge: REMEMBERED, monotonic })

  return {
    after(name, matched) {
      const count = matched ? 0 : (failures.get(name) ?? 0) + 1
      failures.set(name, count)
      return count <= FREE ? 0 : Math.min(LONGEST, FIRST * 2 ** (count - FREE - 1))
    },
  }
}

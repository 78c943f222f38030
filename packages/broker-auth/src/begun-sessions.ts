/** Tracks which sessions began, for a broker that reports a disconnect for refused logins too. */
export interface BegunSessions {
  began(session: string): void
  /** A login under the same names was refused: the next disconnect is of that login. */
  refused(session: string): void
  /** Whether this disconnect ends a session that began; the session is over then. */
  ended(session: string): boolean
}

/** Sessions kept. A disconnect of an older one is ignored; the presence monitor notices its silence. */
const MAX_SESSIONS = 500_000
/** Milliseconds in which the disconnect of a refused login may arrive. */
const REFUSED_FOR = 60_000

interface Begun {
  refusals: number
  refusedAt: number
}

export function createBegunSessions(now: () => number, max = MAX_SESSIONS): BegunSessions {
  /** In the order they began. */
  const begun = new Map<string, Begun>()

  return {
    began(session) {
      const before = begun.get(session)
      begun.delete(session)
      begun.set(session, before ?? { refusals: 0, refusedAt: 0 })
      const [oldest] = begun.keys()
      if (begun.size > max && oldest !== undefined) begun.delete(oldest)
    },
    refused(session) {
      const found = begun.get(session)
      // The end of a session that never began is ignored anyway: refused logins need no memory.
      if (found === undefined) return
      found.refusals++
      found.refusedAt = now()
    },
    ended(session) {
      const found = begun.get(session)
      if (found === undefined) return false
      // A clock that was set back must not have it wait longer.
      if (found.refusals > 0 && Math.abs(now() - found.refusedAt) < REFUSED_FOR) {
        found.refusals--
        return false
      }
      return begun.delete(session)
    },
  }
}

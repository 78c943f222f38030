/** Which sessions began, at a broker that also tells of the end of logins that it refused. */
export interface BegunSessions {
  began(session: string): void
  /** A login under the same names was refused: one end that is told now is its own. */
  refused(session: string): void
  /** Whether it is the end of a session that began; it is over then. */
  ended(session: string): boolean
}

/** Remembered at once; of those before them no end is believed, and the presence monitor sees their silence. */
const MAX_SESSIONS = 500_000
/** Milliseconds after which the end of a refused login comes no more. */
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
      // Of what has not begun no end counts anyway: strangers take no memory.
      if (found === undefined) return
      found.refusals++
      found.refusedAt = now()
    },
    ended(session) {
      const found = begun.get(session)
      if (found === undefined) return false
      if (found.refusals > 0 && now() - found.refusedAt < REFUSED_FOR) {
        found.refusals--
        return false
      }
      return begun.delete(session)
    },
  }
}

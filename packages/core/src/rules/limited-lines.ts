import { accept, callback, options, trusting } from '../model/check/index.js'
import { clock as clockRule } from '../ports/checks.js'
import type { Clock } from '../ports/clock.js'

const EVERY = 60_000
/** Keys that are remembered, and lines a minute at most. */
export const KEYS_MAX = 2_000

interface Written {
  readonly at: number
  suppressed: number
}

/** Calls `write` once a minute and key, with how often the key came up since without a line. */
export type LimitedLines = (key: string, write: (suppressed: number) => void) => void

/** What limited lines are counted by. */
export interface LimitedLinesOptions {
  /** Tells when a minute is over. */
  readonly clock: Clock
  /** There were too many keys for a minute: once a minute, with how many got no line since. */
  readonly onOverflow: (suppressed: number) => void
}

const LINES = options<LimitedLinesOptions>({
  clock: clockRule,
  onOverflow: callback<LimitedLinesOptions['onOverflow']>(),
})

/** Lines of a log that strangers can bring about: bounded in number and in memory. */
export function createLimitedLines(given: LimitedLinesOptions): LimitedLines {
  const { clock, onOverflow } = accept('createLimitedLines', 'options', LINES, given)
  /** The one written longest ago first. */
  const written = new Map<string, Written>()
  let overflow: Written | null = null

  function hasRoom(now: number): boolean {
    if (written.size < KEYS_MAX) return true
    const [oldest] = written
    if (oldest !== undefined && Math.abs(now - oldest[1].at) >= EVERY) {
      written.delete(oldest[0])
      return true
    }
    if (overflow === null || Math.abs(now - overflow.at) >= EVERY) {
      const before = overflow?.suppressed ?? 0
      overflow = { at: now, suppressed: 0 }
      onOverflow(before)
    } else overflow.suppressed++
    return false
  }

  return trusting('lines', 'a key and a function', (key: string, write: (suppressed: number) => void) => {
    const now = clock.now()
    const last = written.get(key)
    // A clock that was set back must not silence it.
    if (last !== undefined && Math.abs(now - last.at) < EVERY) {
      last.suppressed++
      return
    }
    if (last === undefined && !hasRoom(now)) return
    written.delete(key)
    written.set(key, { at: now, suppressed: 0 })
    write(last?.suppressed ?? 0)
  })
}

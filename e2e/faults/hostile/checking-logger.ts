import type { Logger } from '@devicehub/core'

/** What a terminal obeys, or shows in another order. */
const UNCLEAN = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
/** Characters of a text in a line. */
const LONGEST = 5_000

export interface LogCheck {
  readonly logger: Logger
  readonly lines: number
  /** Texts that no line may hold, and how many there were. */
  readonly unclean: readonly string[]
  readonly uncleanCount: number
}

/** Looks at each text of a line that is not an error's own: what a device sent must not get into it as it is. */
export function checkingLogger(verbose: boolean): LogCheck {
  const unclean: string[] = []
  let uncleanCount = 0
  let lines = 0

  function look(fields: object, message = ''): void {
    lines++
    if (verbose) console.error(message, fields)
    const texts = [
      message,
      ...Object.entries(fields).flatMap(([name, value]) => (name === 'err' ? [] : [value])),
    ]
    for (const text of texts) {
      if (typeof text !== 'string' || (text.length <= LONGEST && !UNCLEAN.test(text))) continue
      uncleanCount++
      if (unclean.length < 3) unclean.push(JSON.stringify(text.slice(0, 100)))
    }
  }

  return {
    logger: { debug: look, info: look, warn: look, error: look },
    get lines() {
      return lines
    },
    unclean,
    get uncleanCount() {
      return uncleanCount
    },
  }
}

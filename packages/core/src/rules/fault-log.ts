import { isDeviceHubError } from '../model/errors.js'
import type { LogFields } from '../ports/logger.js'

/** Milliseconds between two lines of one kind. */
const EVERY = 60_000

/** Somebody has to do what the message says, and where it was thrown does not help with that. */
const NEEDS_SOMEBODY = new Set<string>(['schema_outdated', 'storage_refused', 'closed'])

/**
 * Lines of work that is tried until a database works: one a minute for each kind of fault, however often and in however
 * many places it is tried meanwhile.
 */
export interface FaultLog {
  /**
   * Calls `write` when a line is due. `fields` has the error, with its stack where that helps; `remedy` is what somebody
   * has to do, null where waiting is enough.
   */
  failed(error: unknown, write: (fields: LogFields, remedy: string | null) => void): void
  /** It works again: the next fault has its line at once. */
  works(): void
}

export function createFaultLog(): FaultLog {
  const lastLine = new Map<string, number>()
  return {
    failed(error, write) {
      const code = isDeviceHubError(error) ? error.code : 'other'
      const now = performance.now()
      if (now - (lastLine.get(code) ?? Number.NEGATIVE_INFINITY) < EVERY) return
      lastLine.set(code, now)
      if (isDeviceHubError(error) && NEEDS_SOMEBODY.has(code)) write({ code }, error.message)
      else write({ err: error }, null)
    },
    works: () => lastLine.clear(),
  }
}

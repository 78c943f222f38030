import { accept, callback } from '../model/check/index.js'
import { isDeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { LogFields } from '../ports/logger.js'
import { createLimitedLines, type LimitedLines } from './limited-lines.js'

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

const WRITE = callback<Parameters<FaultLog['failed']>[1]>()

/** No step of the system's time moves it: a minute of an outage is a minute. */
const MONOTONIC: Clock = { now: () => performance.now() }

/** Of faults there are no more kinds than codes of errors. */
const newLines = (): LimitedLines => createLimitedLines({ clock: MONOTONIC, onOverflow() {} })

/**
 * Makes the log of one kind of work, for whoever tries until it works.
 *
 * @example
 * import { createFaultLog } from '@devicehub/core/transport'
 * import { hub } from './hub.js'
 *
 * const faults = createFaultLog()
 * try {
 *   await hub.storage.leases.find(['report'])
 *   faults.works()
 * } catch (error) {
 *   faults.failed(error, (fields, remedy) => hub.logger.warn(fields, remedy ?? 'the leases could not be asked; trying again'))
 * }
 */
export function createFaultLog(): FaultLog {
  let lines: LimitedLines | null = null
  return {
    failed(error, write) {
      accept('failed', 'write', WRITE, write)
      lines ??= newLines()
      const code = isDeviceHubError(error) ? error.code : 'other'
      lines(code, () => {
        if (isDeviceHubError(error) && NEEDS_SOMEBODY.has(code)) write({ code }, error.message)
        else write({ err: error }, null)
      })
    },
    works() {
      lines = null
    },
  }
}

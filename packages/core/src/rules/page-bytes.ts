import { trusting } from '../model/check/trusting.js'
import { DeviceHubError } from '../model/errors.js'
import { LATEST_BYTES } from '../ports/page.js'

/** What a row counts in a page beside its content: the objects it becomes. */
export const ROW_BYTES = 512

/** What is left of a page: rows are taken until one does not fit; the first always does. */
export function createPageBudget(maxBytes: number): { takes(bytes: number): boolean } {
  let left = maxBytes
  let first = true
  return {
    takes: trusting('budget.takes', 'a number of bytes', (bytes: number) => {
      if (bytes > left && !first) return false
      first = false
      left -= bytes
      return true
    }),
  }
}

/** For many devices at once there are no pages; a single device is always answered. */
export function createLatestBudget(what: string, devices: number): { take(bytes: number): void } {
  let left = LATEST_BYTES
  return {
    take: trusting('budget.take', 'a number of bytes', (bytes: number) => {
      left -= bytes
      if (left >= 0 || devices === 1) return
      throw new DeviceHubError(
        'invalid_query',
        `${what} of these ${devices} devices hold more than ${LATEST_BYTES >> 20} MiB together: ask for fewer devices at a time`,
        { details: { devices, maxBytes: LATEST_BYTES } },
      )
    }),
  }
}

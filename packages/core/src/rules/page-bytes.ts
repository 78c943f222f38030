import { trusting } from '../model/check/trusting.js'
import { DeviceHubError } from '../model/errors.js'
import { BUCKETS_MAX, LATEST_BYTES } from '../ports/page.js'
import type { Interval } from '../ports/readings.js'

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

/** An aggregate has no pages either. `take` is called for each bucket with the bytes of its value, if that can be long. */
export function createBucketBudget(interval?: Interval): { take(bytes: number): void } {
  const refuse = (what: string, details: Readonly<Record<string, unknown>>) =>
    new DeviceHubError(
      'invalid_query',
      `This aggregate has more than ${what}: narrow \`from\` and \`to\`, ask for one device, or take a longer interval than ${interval}`,
      { details: { interval, ...details } },
    )
  let [buckets, left] = [0, LATEST_BYTES]
  return {
    take: trusting('budget.take', 'a number of bytes', (bytes: number) => {
      left -= bytes
      if (interval === undefined) return
      if (++buckets > BUCKETS_MAX) throw refuse(`${BUCKETS_MAX} buckets`, { maxBuckets: BUCKETS_MAX })
      if (left < 0) throw refuse(`${LATEST_BYTES >> 20} MiB of values`, { maxBytes: LATEST_BYTES })
    }),
  }
}

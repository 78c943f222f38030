import type { StoredValue } from '../model/values.js'
import type { NewSample } from '../ports/commit.js'

/** The last known value of each reading of a device, as far as some of its samples tell. */
export interface LatestRow {
  /** Of the device. */
  readonly deviceId: string
  /** The greatest of the samples', and the timestamp of the sample that has it. */
  orderAt: number
  /** Measured time of the sample with the greatest `orderAt`. */
  timestamp: number
  /** In the order of `type.readingNames`. */
  values: readonly StoredValue[]
  /** The `orderAt` of each value, null where there is none; null: that of the row, as with one sample. */
  times: readonly (number | null)[] | null
}

export const latestRowOf = ({ deviceId, orderAt, timestamp, values }: NewSample): LatestRow => ({
  deviceId,
  orderAt,
  timestamp,
  values,
  times: null,
})

/** Of the reading at this place. */
export const latestTime = ({ values, times, orderAt }: LatestRow, index: number): number | null =>
  times === null ? ((values[index] ?? null) === null ? null : orderAt) : (times[index] ?? null)

/**
 * Adds a sample that was stored later (invariant 4): of two values the one with the greater `orderAt` stays, of equal
 * ones the later. One of a time after `orderLimit` does not stay: it cannot be true now (`TelemetryEntry`). Shared by
 * every storage.
 */
export function addToLatest(
  row: LatestRow,
  sample: NewSample,
  orderLimit: number = Number.POSITIVE_INFINITY,
): void {
  const { orderAt, timestamp, values } = sample
  if (row.times === null && orderAt >= row.orderAt && !values.includes(null)) {
    Object.assign(row, { orderAt, timestamp, values })
    return
  }
  const merged: StoredValue[] = []
  const times: (number | null)[] = []
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? null
    const before = latestTime(row, index)
    const isNewer = value !== null && (before === null || orderAt >= before || before > orderLimit)
    merged.push(isNewer ? value : (row.values[index] ?? null))
    times.push(isNewer ? orderAt : before)
  }
  row.values = merged
  row.times = times
  if (orderAt < row.orderAt && row.orderAt <= orderLimit) return
  row.orderAt = orderAt
  row.timestamp = timestamp
}

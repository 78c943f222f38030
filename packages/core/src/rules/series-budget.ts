import { trusting } from '../model/check/trusting.js'
import { DeviceHubError } from '../model/errors.js'
import { BUCKETS_MAX, LATEST_BYTES } from '../ports/page.js'
import { SERIES_VALUES_MAX } from '../ports/series.js'

/** What a series may still take into memory; `invalid_query` beyond. */
export interface SeriesBudget {
  /** One more row of the answer. */
  row(): void
  /** Bytes of a value that can be long; less than none where one is let go. */
  bytes(bytes: number): void
  /** So many more values that are kept until a percentile is found. */
  values(count: number): void
}

/** For storages: what their answers take. Each function throws when it is too much. */
export function createSeriesBudget(): SeriesBudget {
  let [rows, bytes, values] = [0, 0, 0]
  const refuse = (what: string, details: Readonly<Record<string, unknown>>) =>
    new DeviceHubError(
      'invalid_query',
      `This series has more than ${what}: narrow \`from\` and \`to\`, take a longer interval, ask for fewer devices at a time, or group them`,
      { details },
    )
  return {
    row() {
      if (++rows > BUCKETS_MAX) throw refuse(`${BUCKETS_MAX} buckets in all`, { maxBuckets: BUCKETS_MAX })
    },
    bytes: trusting('budget.bytes', 'a number of bytes', (more: number) => {
      bytes += more
      if (bytes > LATEST_BYTES)
        throw refuse(`${LATEST_BYTES >> 20} MiB of values`, { maxBytes: LATEST_BYTES })
    }),
    values: trusting('budget.values', 'a number of values', (more: number) => {
      values += more
      if (values > SERIES_VALUES_MAX)
        throw refuse(`${SERIES_VALUES_MAX} values to find percentiles among`, {
          maxValues: SERIES_VALUES_MAX,
        })
    }),
  }
}

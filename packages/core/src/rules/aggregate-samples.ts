import type { StoredValue } from '../model/values.js'
import type { AggregateBucket, AggregateFunction, AggregateQuery } from '../ports/readings.js'
import { calendarBucket } from './calendar-bucket.js'
import { averageOfParts, sumOfParts, sumParts } from './large-sums.js'
import { createBucketBudget } from './page-bytes.js'
import { bytesOf } from './page-of.js'

/** A value of the aggregated reading. */
export interface AggregatedValue {
  /** Measured time, epoch milliseconds. */
  readonly timestamp: number
  /** As `NewSample.orderAt`. */
  readonly orderAt: number
  /** Orders samples of the same `orderAt`: the greater one was stored later. */
  readonly id: number
  /** In stored form; null does not count. */
  readonly value: StoredValue
}

/**
 * The aggregate of samples that a storage has in memory, given in order of their measured times. `invalid_query` for
 * more buckets than `BUCKETS_MAX`, or more than `LATEST_BYTES` in their values.
 */
export function aggregateSamples(
  { fn, interval }: Pick<AggregateQuery, 'fn' | 'interval'>,
  samples: Iterable<AggregatedValue>,
): AggregateBucket[] {
  const buckets = new Map<number | null, AggregatedValue[]>()
  if (interval === undefined) buckets.set(null, [])
  for (const sample of samples) {
    const bucket = interval ? calendarBucket(sample.timestamp, interval) : null
    const list = buckets.get(bucket)
    if (list) list.push(sample)
    else buckets.set(bucket, [sample])
  }
  const isEdge = fn === 'first' || fn === 'last'
  const budget = createBucketBudget(interval)
  return [...buckets].map(([bucket, of]) => {
    if (isEdge) of.sort((a, b) => a.orderAt - b.orderAt || a.id - b.id)
    const values = of.flatMap(({ value }) => (value === null ? [] : [value]))
    const result = RESULT[fn](values)
    budget.take(bytesOf(result))
    return { bucket, result }
  })
}

const numbers = (of: (values: readonly number[]) => number | null) => (values: readonly StoredValue[]) =>
  values.length === 0 ? null : of(values as readonly number[])

const RESULT: Readonly<Record<AggregateFunction, (values: readonly StoredValue[]) => StoredValue>> = {
  avg: numbers((values) => averageOfParts(sumParts(values))),
  min: numbers((values) => values.reduce((least, value) => Math.min(least, value))),
  max: numbers((values) => values.reduce((greatest, value) => Math.max(greatest, value))),
  sum: numbers((values) => sumOfParts(sumParts(values))),
  count: (values) => values.length,
  first: (values) => values[0] ?? null,
  last: (values) => values.at(-1) ?? null,
}

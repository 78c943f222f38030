import type { AnyDeviceType } from '../../device-type/device-type.js'
import { DeviceHubError } from '../../errors.js'
import {
  AGGREGATES,
  type AggregateBucket,
  type AggregateFunction,
  type AggregateQuery,
  INTERVALS,
  type StoredValue,
} from '../../ports/storage.js'
import { calendarBucket } from '../calendar-bucket.js'
import { inOrderOf } from './database.js'
import { samplesOf } from './readings.js'
import type { Session } from './session.js'

const NUMERIC = new Set(['float', 'integer', 'datetime'])

export function aggregate(session: Session, type: AnyDeviceType, query: AggregateQuery): AggregateBucket[] {
  const { field: name, fn, interval, ...filter } = query
  const field = Object.hasOwn(type.readings, name) ? type.readings[name] : undefined
  if (!field)
    throw new DeviceHubError(
      'invalid_query',
      `${type.name} has no reading ${name}. Its readings are ${type.readingNames.join(', ')}.`,
    )
  if (!AGGREGATES.includes(fn) || (interval !== undefined && !INTERVALS.includes(interval)))
    throw new DeviceHubError(
      'invalid_query',
      `There is no such aggregate or interval. Aggregates are ${AGGREGATES.join(', ')}, intervals ${INTERVALS.join(', ')}.`,
    )
  if (!NUMERIC.has(field.kind) && fn !== 'count' && fn !== 'first' && fn !== 'last')
    throw new DeviceHubError(
      'invalid_query',
      `${fn} needs a number, and ${type.name}.${name} is of kind ${field.kind}. Use count, first or last.`,
    )

  // In order of measured time, so that the buckets come oldest first and first and last are the ends of each.
  const buckets = new Map<number | null, StoredValue[]>()
  if (!interval) buckets.set(null, [])
  for (const { sample, names } of samplesOf(session, type, filter, 'asc')) {
    const bucket = interval ? calendarBucket(sample.timestamp, interval) : null
    const values = buckets.get(bucket) ?? []
    buckets.set(bucket, values)
    const [value = null] = inOrderOf([name], names, sample.values)
    if (value !== null) values.push(value)
  }
  return [...buckets].map(([bucket, values]) => ({ bucket, result: RESULT[fn](values) }))
}

const numbers = (of: (values: readonly number[]) => number) => (values: readonly StoredValue[]) =>
  values.length === 0 ? null : of(values as readonly number[])

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

const RESULT: Readonly<Record<AggregateFunction, (values: readonly StoredValue[]) => StoredValue>> = {
  avg: numbers((values) => sum(values) / values.length),
  min: numbers((values) => values.reduce((least, value) => Math.min(least, value))),
  max: numbers((values) => values.reduce((greatest, value) => Math.max(greatest, value))),
  sum: numbers(sum),
  count: (values) => values.length,
  first: (values) => values[0] ?? null,
  last: (values) => values.at(-1) ?? null,
}

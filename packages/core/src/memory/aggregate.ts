import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { StoredValue } from '../model/values.js'
import type { AggregateBucket, AggregateFunction, AggregateQuery } from '../ports/readings.js'
import { aggregateField } from '../rules/aggregate-field.js'
import { calendarBucket } from '../rules/calendar-bucket.js'
import { byOrder, samplesOf } from './readings.js'
import type { Session } from './session.js'
import { inOrderOf, type SampleRow } from './tables.js'

export function aggregate(session: Session, type: AnyDeviceType, query: AggregateQuery): AggregateBucket[] {
  const { field: name, fn, interval, ...filter } = query
  aggregateField(type, query)

  // In order of measured time, so that the buckets come oldest first.
  const rows = new Map<number | null, SampleRow[]>()
  if (!interval) rows.set(null, [])
  for (const row of samplesOf(session, type, filter, 'asc')) {
    const bucket = interval ? calendarBucket(row.sample.timestamp, interval) : null
    const list = rows.get(bucket)
    if (list) list.push(row)
    else rows.set(bucket, [row])
  }
  const isEdge = fn === 'first' || fn === 'last'
  return [...rows].map(([bucket, of]) => {
    const values = (isEdge ? of.sort(byOrder) : of).flatMap(({ sample, names }) => {
      const [value = null] = inOrderOf([name], names, sample.values)
      return value === null ? [] : [value]
    })
    return { bucket, result: RESULT[fn](values) }
  })
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

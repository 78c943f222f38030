import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { AggregateBucket, AggregateQuery } from '../ports/readings.js'
import { aggregateField } from '../rules/aggregate-field.js'
import { aggregateSamples } from '../rules/aggregate-samples.js'
import type { OpenedMemory } from './opened-memory.js'
import { samplesOf } from './readings.js'
import { inOrderOf, type SampleRow } from './tables.js'

export function aggregate(
  opened: OpenedMemory,
  type: AnyDeviceType,
  query: AggregateQuery,
  matches: (row: SampleRow) => boolean = () => true,
): AggregateBucket[] {
  aggregateField(type, query)
  const rows = [...samplesOf(opened, type, query, 'asc')].filter(matches)
  return aggregateSamples(
    query,
    rows.map(({ id, names, sample }) => ({
      timestamp: sample.timestamp,
      orderAt: sample.orderAt,
      id,
      value: inOrderOf([query.field], names, sample.values)[0] ?? null,
    })),
  )
}

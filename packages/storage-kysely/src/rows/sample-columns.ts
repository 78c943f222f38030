import type { AnyDeviceType, Field, NewSample, StoredSample } from '@devicehub/core'
import { fieldType } from '../schema/logical-type.js'
import { type ColumnSource, type ValueKind, valueKind } from './column-source.js'
import type { RowReader } from './row-reader.js'

type Selected = Pick<ColumnSource<never>, 'name' | 'kind'>

/** How the samples of a type are written and read. */
export interface SampleShape {
  readonly columns: readonly ColumnSource<NewSample>[]
  /** In the order of the select list. */
  readonly selection: readonly Selected[]
  /** Of the readings, in the order of `readingNames`. */
  readonly kinds: readonly ValueKind[]
}

const OWN_COLUMNS: readonly ColumnSource<NewSample>[] = [
  { name: 'device_id', kind: 'text', get: (sample) => sample.deviceId },
  { name: 'timestamp', kind: 'time', get: (sample) => sample.timestamp },
  { name: 'received_at', kind: 'time', get: (sample) => sample.receivedAt },
  { name: 'sample_id', kind: 'text', get: (sample) => sample.sampleId },
  { name: 'content_hash', kind: 'integer', get: (sample) => sample.contentHash },
  { name: 'flags', kind: 'text', get: (sample) => sample.flags },
]

export function sampleShape(type: AnyDeviceType): SampleShape {
  const readings = type.readingNames.map(
    (name, index): ColumnSource<NewSample> => ({
      name,
      kind: valueKind(fieldType(type.readings[name] as Field)),
      get: (sample) => sample.values[index] as (typeof sample.values)[number],
    }),
  )
  const columns = [...OWN_COLUMNS, ...readings]
  return {
    columns,
    selection: [{ name: 'id', kind: 'integer' }, ...columns],
    kinds: readings.map(({ kind }) => kind),
  }
}

const FIRST_READING = 1 + OWN_COLUMNS.length

export function storedSample(shape: SampleShape, row: RowReader): StoredSample {
  return {
    id: String(row.number(0)),
    deviceId: row.text(1) ?? '',
    timestamp: row.number(2) ?? 0,
    receivedAt: row.number(3) ?? 0,
    sampleId: row.text(4),
    contentHash: row.number(5),
    flags: row.text(6),
    values: shape.kinds.map((kind, index) => row.value(FIRST_READING + index, kind)),
  }
}

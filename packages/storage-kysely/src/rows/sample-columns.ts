import type { AnyDeviceType } from '@devicehub/core'
import type { Field } from '@devicehub/core/definition'
import type { NewSample, StoredSample } from '@devicehub/core/storage'
import { keepsLastValues } from '../schema/latest-table.js'
import { fieldType } from '../schema/logical-type.js'
import { type ColumnSource, isWide, type ValueKind, valueKind } from './column-source.js'
import { type LatestShape, latestShape } from './latest-columns.js'
import type { RowReader } from './row-reader.js'

type Selected = Pick<ColumnSource<never>, 'name' | 'kind' | 'wide'>

/** A sample to be written. */
export interface SampleRow extends NewSample {
  /** Its `sample_reuse`; absent: 0. */
  readonly reuse?: number
}

/** How the samples of a type are written and read. */
export interface SampleShape {
  readonly columns: readonly ColumnSource<SampleRow>[]
  /** In the order of the select list. */
  readonly selection: readonly Selected[]
  /** Of the readings, in the order of `readingNames`. */
  readonly kinds: readonly ValueKind[]
  /** Null: the type keeps no last values. */
  readonly latest: LatestShape | null
}

const OWN_COLUMNS: readonly ColumnSource<SampleRow>[] = [
  { name: 'device_id', kind: 'text', get: (sample) => sample.deviceId },
  { name: 'timestamp', kind: 'time', get: (sample) => sample.timestamp },
  { name: 'received_at', kind: 'time', get: (sample) => sample.receivedAt },
  {
    name: 'order_at',
    kind: 'time',
    get: ({ orderAt, timestamp }) => (orderAt === timestamp ? null : orderAt),
  },
  { name: 'sample_id', kind: 'text', get: (sample) => sample.sampleId },
  { name: 'content_hash', kind: 'integer', get: (sample) => sample.contentHash },
  { name: 'flags', kind: 'text', get: (sample) => sample.flags },
]

const REUSE: ColumnSource<SampleRow> = {
  name: 'sample_reuse',
  kind: 'integer',
  fallback: 0,
  get: ({ reuse = 0 }) => reuse,
}

export function sampleShape(type: AnyDeviceType): SampleShape {
  const readings = type.readingNames.map(
    (name, index): ColumnSource<SampleRow> => ({
      name,
      kind: valueKind(fieldType(type.readings[name] as Field)),
      wide: isWide(type.readings[name] as Field),
      get: (sample) => sample.values[index] as (typeof sample.values)[number],
    }),
  )
  const kinds = readings.map(({ kind }) => kind)
  return {
    columns: [...OWN_COLUMNS, REUSE, ...readings],
    selection: [{ name: 'id', kind: 'integer' }, ...OWN_COLUMNS, ...readings],
    kinds,
    latest: keepsLastValues(type) ? latestShape(type, readings) : null,
  }
}

const FIRST_READING = 1 + OWN_COLUMNS.length

export function storedSample(shape: SampleShape, row: RowReader): StoredSample {
  const timestamp = row.number(2) ?? 0
  return {
    id: String(row.number(0)),
    deviceId: row.text(1) ?? '',
    timestamp,
    receivedAt: row.number(3) ?? 0,
    orderAt: row.number(4) ?? timestamp,
    sampleId: row.text(5),
    contentHash: row.number(6),
    flags: row.text(7),
    values: shape.kinds.map((kind, index) => row.value(FIRST_READING + index, kind)),
  }
}

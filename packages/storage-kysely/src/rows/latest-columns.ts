import type { AnyDeviceType } from '@devicehub/core'
import { type LatestReadings, type LatestRow, type LatestValue, latestTime } from '@devicehub/core/storage'
import type { Upsert } from '../commit/columns.js'
import { latestTimeColumn } from '../schema/latest-table.js'
import type { ColumnSource, ValueKind } from './column-source.js'
import type { RowReader } from './row-reader.js'

/** How the last values of a type are written and read. */
export interface LatestShape {
  /** In the order of the select list. */
  readonly columns: readonly ColumnSource<LatestRow>[]
  readonly upsert: Upsert
  /** Of the readings, in the order of `readingNames`. */
  readonly kinds: readonly ValueKind[]
}

const OWN_COLUMNS: readonly ColumnSource<LatestRow>[] = [
  { name: 'device_id', kind: 'text', get: (row) => row.deviceId },
  { name: 'order_at', kind: 'time', get: (row) => row.orderAt },
  { name: 'timestamp', kind: 'time', get: (row) => row.timestamp, mostly: { as: 'order_at' } },
]

/** `readings`: the columns of the samples. */
export function latestShape(
  { readingNames }: AnyDeviceType,
  readings: readonly Pick<ColumnSource<never>, 'name' | 'kind' | 'wide'>[],
): LatestShape {
  const kinds = readings.map(({ kind }) => kind)
  const values = readings.flatMap(({ name, kind, wide }, index): ColumnSource<LatestRow>[] => [
    { name, kind, ...(wide && { wide }), get: ({ values: all }) => all[index] ?? null },
    {
      name: latestTimeColumn(name),
      kind: 'time',
      get: (row) => latestTime(row, index),
      mostly: { as: 'order_at', unlessNull: name },
    },
  ])
  return {
    columns: [...OWN_COLUMNS, ...values],
    kinds,
    upsert: {
      key: 'device_id',
      groups: [
        { time: 'order_at', columns: ['timestamp'] },
        ...readingNames.map((name) => ({ time: latestTimeColumn(name), columns: [name] })),
      ],
    },
  }
}

export function latestReadings({ kinds }: LatestShape, row: RowReader): LatestReadings {
  return {
    deviceId: row.text(0) ?? '',
    orderAt: row.number(1) ?? 0,
    values: kinds.map((kind, index): LatestValue | null => {
      const place = OWN_COLUMNS.length + 2 * index
      const value = row.value(place, kind)
      return value === null ? null : { value, at: row.number(place + 1) ?? 0 }
    }),
  }
}

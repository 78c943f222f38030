import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { LatestReadings, LatestValue, ReadingFilter, StoredSample } from '../ports/readings.js'
import type { Page, PageRequest } from '../ports/storage.js'
import { readNumericCursor, writeCursor } from '../rules/cursor.js'
import { latestTime } from '../rules/latest-values.js'
import { createLatestBudget, ROW_BYTES } from '../rules/page-bytes.js'
import { bytesOf, pageOf } from '../rules/page-of.js'
import type { OpenedMemory } from './opened-memory.js'
import {
  copyValue,
  type DeviceSamples,
  inOrderOf,
  type LatestOfDevice,
  type SampleRow,
  withSample,
} from './tables.js'

/** The rows of a filter by measured time, then id. */
export function samplesOf(
  { tableOf }: OpenedMemory,
  type: AnyDeviceType,
  { deviceId, from = -Infinity, to = Infinity }: ReadingFilter,
  order: 'asc' | 'desc',
  after?: { key: number; tie: number },
): Iterable<SampleRow> {
  const table = tableOf(type)
  const list = deviceId === undefined ? table.samples : table.samplesOf.get(deviceId)?.rows
  if (!list) return []
  const isAfter = ({ sample, id }: SampleRow) =>
    !after || sample.timestamp > after.key || (sample.timestamp === after.key && id > after.tie)
  const isFrom = ({ sample }: SampleRow) => sample.timestamp >= from
  const isTo = ({ sample }: SampleRow) => sample.timestamp >= to
  if (order === 'asc') return list.ascending((row) => isFrom(row) && isAfter(row), isTo)
  const reached = (row: SampleRow) =>
    after !== undefined && (isAfter(row) || (row.id === after.tie && row.sample.timestamp === after.key))
  return list.descending(isFrom, (row) => isTo(row) || reached(row))
}

export function listSamples(
  opened: OpenedMemory,
  type: AnyDeviceType,
  { order = 'desc', ...filter }: ReadingFilter & { readonly order?: 'asc' | 'desc' },
  page: PageRequest,
  matches?: (row: SampleRow) => boolean,
): Page<StoredSample> {
  const after = page.cursor === undefined ? undefined : readNumericCursor('readings', page.cursor)
  return pageOf(samplesOf(opened, type, filter, order, after), page, {
    ...(matches && { matches }),
    toItem: (row) => given(type, row),
    cursorOf: (row) => writeCursor('readings', row.sample.timestamp, row.id),
    bytesOf: ({ bytes }) => bytes,
  })
}

export function latestReadings(
  { tableOf }: OpenedMemory,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): LatestReadings[] {
  const { latest, samplesOf } = tableOf(type)
  const ids = new Set(deviceIds)
  const budget = createLatestBudget(`the last values of ${type.name}`, ids.size)
  return [...ids].flatMap((deviceId) => {
    const found = optionOf(type, 'lastValues')
      ? latest.get(deviceId)
      : latestOf(samplesOf.get(deviceId)?.rows)
    if (!found) return []
    const { row, names } = found
    budget.take(ROW_BYTES + bytesOf(...row.values))
    const values = type.readingNames.map((name): LatestValue | null => {
      const index = names.indexOf(name)
      const value = copyValue(row.values[index] ?? null)
      return value === null ? null : { value, at: latestTime(row, index) ?? row.orderAt }
    })
    return [{ deviceId, orderAt: row.orderAt, values }]
  })
}

/** Of the samples there are, where last values are not kept. */
function latestOf(rows: DeviceSamples['rows'] | undefined): LatestOfDevice | undefined {
  const stored = [...(rows?.ascending() ?? [])].sort((a, b) => a.id - b.id)
  let found: LatestOfDevice | undefined
  for (const row of stored) found = withSample(found, row)
  return found
}

export function latestSamples(
  { tableOf }: OpenedMemory,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): StoredSample[] {
  const table = tableOf(type)
  const ids = new Set(deviceIds)
  const budget = createLatestBudget(`the latest samples of ${type.name}`, ids.size)
  return [...ids].flatMap((deviceId) => {
    const of = table.samplesOf.get(deviceId)
    const kept = optionOf(type, 'lastValues') ? table.latest.get(deviceId) : undefined
    const last = rowOfLatest(of, kept) ?? newestRow(of)
    if (last === undefined) return []
    budget.take(ROW_BYTES + last.bytes)
    return [given(type, last)]
  })
}

/** The sample that last values name as the latest; undefined: they are not kept, or its row is gone. */
function rowOfLatest(of: DeviceSamples | undefined, kept: LatestOfDevice | undefined): SampleRow | undefined {
  if (of === undefined || kept === undefined) return undefined
  const { orderAt, timestamp } = kept.row
  for (const row of of.rows.descending(undefined, ({ sample }) => sample.timestamp <= timestamp)) {
    if (row.sample.timestamp < timestamp) return undefined
    if (row.sample.orderAt === orderAt) return row
  }
  return undefined
}

function newestRow(of: DeviceSamples | undefined): SampleRow | undefined {
  let last: SampleRow | undefined
  for (const row of of?.rows.descending() ?? []) {
    last = last === undefined || byOrder(last, row) < 0 ? row : last
    if (of?.reordered === 0) break
  }
  return last
}

const byOrder = (a: SampleRow, b: SampleRow): number => a.sample.orderAt - b.sample.orderAt || a.id - b.id

const given = (type: AnyDeviceType, { id, names, sample }: SampleRow): StoredSample => ({
  ...sample,
  id: String(id),
  values: inOrderOf(type.readingNames, names, sample.values),
})

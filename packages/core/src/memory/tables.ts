import type { StoredMessage } from '../model/message.js'
import type { StoredValue } from '../model/values.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { NewSample } from '../ports/storage.js'
import { addToLatest, type LatestRow, latestRowOf, latestTime } from '../rules/latest-values.js'
import { compareText } from '../rules/list-devices.js'
import { createSampleIndex } from '../rules/sample-index.js'
import { type Row, RowList } from './row-list.js'

export interface DeviceRow extends Row {
  record: DeviceRecord
  /** The state fields that `record.state` is in the order of. */
  stateNames: readonly string[]
}

export interface SampleRow extends Row {
  readonly id: number
  readonly table: TypeTable
  /** The readings that `sample.values` is in the order of. */
  readonly names: readonly string[]
  readonly sample: NewSample
  readonly bytes: number
}

export interface MessageRow extends Row {
  readonly position: number
  readonly list: RowList<MessageRow>
  readonly bytes: number
  message: StoredMessage
}

export interface DeviceSamples {
  readonly rows: RowList<SampleRow>
  /** How many samples are not in the order of their timestamps. */
  reordered: number
}

export interface LatestOfDevice {
  readonly row: LatestRow
  /** The readings that `row.values` is in the order of. */
  readonly names: readonly string[]
}

export const byTime = (a: SampleRow, b: SampleRow) => a.sample.timestamp - b.sample.timestamp || a.id - b.id
export const byPosition = (a: MessageRow, b: MessageRow) => a.position - b.position
const byCreation = (a: DeviceRow, b: DeviceRow) =>
  a.record.createdAt - b.record.createdAt || compareText(a.record.deviceId, b.record.deviceId)

/** What the three tables of a device type are in a database. */
export class TypeTable {
  readonly devices = new Map<string, DeviceRow>()
  readonly deviceList = new RowList<DeviceRow>(byCreation)
  readonly samples = new RowList<SampleRow>(byTime)
  readonly samplesOf = new Map<string, DeviceSamples>()
  readonly identities = createSampleIndex()
  readonly latest = new Map<string, LatestOfDevice>()
  readonly messages = new RowList<MessageRow>(byPosition)
  /** Who has a user name. */
  readonly holders = new Map<string, string>()
}

/** Bytes are the one kind of value that its owner could change afterwards. */
export function copyValue<V extends StoredValue>(value: V): V {
  return value instanceof Uint8Array ? (new Uint8Array(value) as V) : value
}

/** Values kept in the order of one declaration, in the order of another; columns it did not have are null. */
export function inOrderOf(
  wanted: readonly string[],
  names: readonly string[],
  values: readonly StoredValue[],
): StoredValue[] {
  if (wanted === names) return values.map(copyValue)
  return wanted.map((name) => {
    const index = names.indexOf(name)
    return index < 0 ? null : copyValue(values[index] ?? null)
  })
}

/** The last values of a device with those of a sample that was stored after all of theirs. */
export function withSample(
  before: LatestOfDevice | undefined,
  { sample, names }: SampleRow,
  orderLimit?: number,
): LatestOfDevice {
  if (!before) return { row: latestRowOf(sample), names }
  const row = { ...before.row }
  if (before.names !== names) {
    // Declared anew meanwhile: a storage of the new types writes.
    row.times = inOrderOf(
      names,
      before.names,
      before.names.map((_, index) => latestTime(before.row, index)),
    ) as (number | null)[]
    row.values = inOrderOf(names, before.names, before.row.values)
  }
  addToLatest(row, sample, orderLimit)
  return { row, names }
}

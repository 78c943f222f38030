import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type {
  DeviceListPage,
  DeviceListRequest,
  DevicePosition,
  DeviceRecord,
  DeviceSort,
} from '../ports/devices.js'
import { NEWEST_FIRST } from '../ports/devices.js'
import { PAGE_BYTES } from '../ports/page.js'
import { deviceValue, type JudgedDevice } from './judge-device.js'
import { createPageBudget, ROW_BYTES } from './page-bytes.js'
import { bytesOf } from './page-of.js'

/** Where a device stands in an order. */
export function positionOf(type: AnyDeviceType, { by }: DeviceSort, device: JudgedDevice): DevicePosition {
  const value = deviceValue(type, by, device)
  return { value: value instanceof Uint8Array ? null : value, deviceId: device.record.deviceId }
}

/** Which of two places comes first in an order: negative, the left one. */
export function comparePositions({ descending }: DeviceSort, a: DevicePosition, b: DevicePosition): number {
  if ((a.value === null) !== (b.value === null)) return a.value === null ? 1 : -1
  const order = compareValues(a.value, b.value) || compareText(a.deviceId, b.deviceId)
  return descending ? -order : order
}

function compareValues(a: DevicePosition['value'], b: DevicePosition['value']): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  return Number(a) - Number(b)
}

/** By code points, as databases compare the bytes of UTF-8; `<` compares UTF-16, whose surrogates stand too low. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const [left, right] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (left !== right) return raised(left) - raised(right)
  }
  return a.length - b.length
}

const raised = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10_000 : unit)

/** Devices with their places, in order. For storages that have their rows in memory. */
export function sortDevices(
  type: AnyDeviceType,
  sort: DeviceSort,
  devices: Iterable<JudgedDevice>,
): DeviceListPage['items'] {
  return [...devices]
    .map((device) => ({ record: device.record, position: positionOf(type, sort, device) }))
    .sort((a, b) => comparePositions(sort, a.position, b.position))
}

/** The page of a list that is asked for, out of all of the list in its order. */
export function pageOfDevices(
  devices: Iterable<DeviceListPage['items'][number]>,
  { limit, maxBytes = PAGE_BYTES, sort = NEWEST_FIRST, after, inclusive = false }: DeviceListRequest,
): DeviceListPage {
  const items: DeviceListPage['items'][number][] = []
  const budget = createPageBudget(maxBytes)
  for (const device of devices) {
    const place = after === undefined ? 1 : comparePositions(sort, device.position, after)
    if (inclusive ? place < 0 : place <= 0) continue
    if (items.length >= limit || !budget.takes(ROW_BYTES + bytesOfDevice(device.record)))
      return { items, more: true }
    items.push(device)
  }
  return { items, more: false }
}

/** Of what is as long as somebody likes. */
export const bytesOfDevice = ({ metadata, state }: Pick<DeviceRecord, 'metadata' | 'state'>): number =>
  bytesOf(metadata, ...state)

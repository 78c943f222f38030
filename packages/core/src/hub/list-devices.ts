import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import { isNever } from '../model/selector/condition.js'
import type { DeviceSort, DeviceStore } from '../ports/devices.js'
import { NEWEST_FIRST } from '../ports/devices.js'
import { PAGE_BYTES } from '../ports/page.js'
import type { Page } from '../ports/storage.js'
import { toDevice } from '../rules/device-row.js'
import { comparePositions, compareText } from '../rules/list-devices.js'
import { type DevicePlace, type ListIdentity, readDeviceCursor, writeDeviceCursor } from './device-cursor.js'
import type { Selected } from './selected.js'

export interface ListedDevices {
  readonly call: string
  readonly storage: { readonly devices: Pick<DeviceStore, 'list'> }
  /** See `ListIdentity`. */
  readonly scope: string | null
  /** What is asked of each type. */
  readonly selected: readonly Selected[]
  readonly sort: DeviceSort | undefined
  readonly limit: number
  readonly cursor: string | undefined
}

/** A page of the devices of one or several types, as one list in one order. */
export async function listDevices({
  call,
  storage,
  scope,
  selected,
  sort = NEWEST_FIRST,
  limit,
  cursor,
}: ListedDevices): Promise<Page<Device>> {
  const list: ListIdentity = {
    conditions: selected.map(({ type, fixed }) => ({ typeKey: type.key, condition: fixed })),
    sort,
    scope,
  }
  const place = cursor === undefined ? undefined : readDeviceCursor(call, list, cursor)
  const after = place && { value: place.value, deviceId: place.deviceId }
  const asked = selected.filter(({ condition }) => !isNever(condition))
  const maxBytes = Math.floor(PAGE_BYTES / Math.max(1, asked.length))
  const pages = await Promise.all(
    asked.map(async ({ type, condition }) => {
      const inclusive = place !== undefined && comesLater(sort, type.key, place.typeKey)
      const request = { limit, maxBytes, sort, after, inclusive }
      return { type, ...(await storage.devices.list(type, condition, request)) }
    }),
  )
  const places = pages.flatMap(({ type, items, more }) =>
    items.map(({ record, position }, index) => ({
      type,
      record,
      place: { ...position, typeKey: type.key },
      // Behind it there may be devices of its type that were not read.
      isEnd: more && index === items.length - 1,
    })),
  )
  places.sort((a, b) => comparePlaces(sort, a.place, b.place))
  const end = places.findIndex(({ isEnd }) => isEnd)
  const page = places.slice(0, Math.min(limit, end < 0 ? places.length : end + 1))
  const last = page.at(-1)
  const isAll = page.length === places.length && !pages.some(({ more }) => more)
  return {
    items: page.map(({ type, record }) => toDevice(type, record)),
    cursor: isAll || last === undefined ? null : writeDeviceCursor(list, last.place),
  }
}

/** Devices of two types may have the same id and the same value: then their types decide. */
const comparePlaces = (sort: DeviceSort, a: DevicePlace, b: DevicePlace): number =>
  comparePositions(sort, a, b) || (comesLater(sort, a.typeKey, b.typeKey) ? 1 : -1)

function comesLater({ descending }: DeviceSort, typeKey: AnyDeviceType['key'], than: string): boolean {
  const order = compareText(typeKey, than)
  return descending ? order < 0 : order > 0
}

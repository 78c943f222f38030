import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition } from '../model/selector/condition.js'
import type { DeviceRecord, DeviceStore } from '../ports/devices.js'

const PAGE = 1_000

type Listing = Pick<DeviceStore, 'list'>

/** Devices for which a condition holds, each once, also when others are added meanwhile: page by page, newest first. */
export async function* eachDevice(
  { devices }: { readonly devices: Listing },
  type: AnyDeviceType,
  condition: Condition,
): AsyncGenerator<DeviceRecord> {
  for await (const page of devicePages(devices, type, condition, PAGE)) yield* page
}

/** The same, so many together. */
export async function* devicePages(
  devices: Listing,
  type: AnyDeviceType,
  condition: Condition,
  limit: number,
): AsyncGenerator<readonly DeviceRecord[]> {
  let page = await devices.list(type, condition, { limit })
  while (true) {
    yield page.items.map(({ record }) => record)
    const last = page.items.at(-1)
    if (!page.more || last === undefined) return
    page = await devices.list(type, condition, { limit, after: last.position })
  }
}

import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition } from '../model/selector/condition.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { Storage } from '../ports/storage.js'

const PAGE = 1_000

/** Devices for which a condition holds, each once, also when others are added meanwhile: page by page, newest first. */
export async function* eachDevice(
  { devices }: Pick<Storage, 'devices'>,
  type: AnyDeviceType,
  condition: Condition,
): AsyncGenerator<DeviceRecord> {
  let page = await devices.list(type, condition, { limit: PAGE })
  while (true) {
    for (const { record } of page.items) yield record
    const last = page.items.at(-1)
    if (!page.more || last === undefined) return
    page = await devices.list(type, condition, { limit: PAGE, after: last.position })
  }
}

import { duration, integer, list, number, optional } from '../model/check/index.js'
import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import type { InferState } from '../model/device-type/infer.js'
import { labelKey } from '../model/selector/labels.js'
import { sortRule } from '../model/selector/sort.js'
import type { Page } from '../ports/storage.js'
import { heartbeatLimit } from '../rules/heartbeat.js'
import type { DeviceCount, DeviceCountQuery, DeviceQuery } from './device-queries.js'
import type { DevicesApi, DevicesContext } from './devices-api.js'
import { listDevices } from './list-devices.js'
import { PAGE, PAGE_LIMIT } from './rules.js'
import { acceptQuery } from './selected.js'

const COUNT = { max: optional(integer({ min: 1, max: 1_000_000 })) }
const COUNT_MAX = 10_000

const OVERVIEW = {
  byLabels: optional(list(labelKey, { max: 16 })),
  batteryBelow: optional(number()),
  silentAfter: optional(duration()),
}
const BATTERY_BELOW = 20
/** Of a label. */
const VALUES_MAX = 100

/** Lists, counts and the overview of devices, of one type or of all. */
export function createFleetQueries({
  types,
  storage,
  clock,
  assertType,
  scope,
}: DevicesContext): Pick<DevicesApi, 'list' | 'listAll' | 'count' | 'countAll' | 'overview'> {
  function listOf(call: string, of: readonly AnyDeviceType[], query: DeviceQuery): Promise<Page<Device>> {
    const others = { ...PAGE, sort: optional(sortRule(of)) }
    const { selected, rest } = acceptQuery(call, of, query, clock.now(), others)
    const { limit = PAGE_LIMIT, cursor, sort } = rest
    return listDevices({ call, storage, scope: scope?.identity ?? null, selected, sort, limit, cursor })
  }

  async function countOf(
    call: string,
    of: readonly AnyDeviceType[],
    query: DeviceCountQuery,
  ): Promise<DeviceCount> {
    const { selected, rest } = acceptQuery(call, of, query, clock.now(), COUNT)
    const { max = COUNT_MAX } = rest
    let found = 0
    for (const { type, condition } of selected) {
      if (found > max) break
      found += await storage.devices.count(type, condition, max + 1 - found)
    }
    return { count: Math.min(found, max), isExact: found <= max }
  }

  return {
    async list<T extends AnyDeviceType>(type: T, query: DeviceQuery<T> = {}) {
      assertType('devices.list', type)
      return (await listOf('devices.list', [type], query as DeviceQuery)) as Page<Device<InferState<T>>>
    },
    listAll: async (query = {}) => listOf('devices.listAll', types, query),
    async count(type, query = {}) {
      assertType('devices.count', type)
      return countOf('devices.count', [type], query as DeviceCountQuery)
    },
    countAll: async (query = {}) => countOf('devices.countAll', types, query),
    async overview(type, query = {}) {
      assertType('devices.overview', type)
      const now = clock.now()
      const { selected, rest } = acceptQuery('devices.overview', [type], query, now, OVERVIEW)
      const { byLabels = [], batteryBelow = BATTERY_BELOW, silentAfter = heartbeatLimit(type) } = rest
      const [{ condition }] = selected as [(typeof selected)[number]]
      return storage.devices.overview(type, condition, {
        labels: [...new Set(byLabels)],
        seenBefore: now - silentAfter,
        batteryBelow,
        maxValues: VALUES_MAX,
      })
    },
  }
}

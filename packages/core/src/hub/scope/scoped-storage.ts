import type { AnyDeviceType } from '../../model/device-type/device-type.js'
import { allOf, type Condition } from '../../model/selector/condition.js'
import type { DevicesOfType } from '../../ports/commands.js'
import { judgeDevice } from '../../rules/judge-device.js'
import { outOfScope } from '../../rules/storage-errors.js'
import type { ApiStorage } from '../api-storage.js'
import type { HubScope } from './scope.js'
import { readScopedCursor, type ScopedList, scopedPage } from './scope-cursor.js'

const DEVICE_ID = { of: 'device', name: 'deviceId' } as const

/**
 * A storage as somebody may see and use it (invariant 11): each of its functions has the scope in its query. It is the
 * one place that limits, so that no function of a scoped hub can forget to.
 */
export function scopedStorage(storage: ApiStorage, scope: HubScope): ApiStorage {
  const { devices, readings, messages, commands, twins } = storage
  const within = (type: AnyDeviceType): Condition => scope.conditionOf(type)
  const both = (type: AnyDeviceType, condition: Condition) => allOf([within(type), condition])
  const listOf = (call: string, ...identity: readonly unknown[]): ScopedList => ({
    call,
    identity: [scope.identity, ...identity],
  })
  const ofTypes = (typeKey?: string): DevicesOfType[] =>
    scope.types
      .filter(({ key }) => typeKey === undefined || key === typeKey)
      .map((type) => ({ type, condition: within(type) }))

  return {
    capabilities: storage.capabilities,
    devices: {
      async create(type, record) {
        // A device that nobody has heard of yet.
        const device = { record, lastValues: () => [], isInSync: () => true }
        if (!judgeDevice(type, within(type), device)) throw outOfScope(type, record.deviceId)
        await devices.create(type, record)
      },
      find: (type, deviceIds) => devices.find(type, deviceIds, within(type)),
      list: (type, condition, request) => devices.list(type, both(type, condition), request),
      count: (type, condition, max) => devices.count(type, both(type, condition), max),
      overview: (type, condition, request) => devices.overview(type, both(type, condition), request),
      update: (type, deviceId, patch, now) => devices.update(type, deviceId, patch, now, within(type)),
      updateMany: (type, deviceIds, patch, now) =>
        devices.updateMany(type, deviceIds, patch, now, within(type)),
      delete: (type, deviceId, now) => devices.delete(type, deviceId, now, within(type)),
    },
    readings: {
      list: (type, filter, page) =>
        scopedPage(listOf('readings.list', type.key, filter), page, (asked) =>
          readings.list(type, { ...filter, within: within(type) }, asked),
        ),
      latest: (type, deviceIds) => readings.latest(type, deviceIds, within(type)),
      latestSamples: (type, deviceIds) => readings.latestSamples(type, deviceIds, within(type)),
      get: (type, id) => readings.get(type, id, within(type)),
      async scan(type, query, page) {
        const found = await devices.find(type, query.deviceIds, within(type))
        if (found.length === 0) return { items: [], cursor: null }
        return readings.scan(type, { ...query, deviceIds: found.map(({ deviceId }) => deviceId) }, page)
      },
      series(type, query) {
        const asked: Condition =
          'condition' in query.devices
            ? query.devices.condition
            : { kind: 'oneOf', value: DEVICE_ID, values: query.devices.deviceIds }
        return readings.series(type, { ...query, devices: { condition: both(type, asked) } })
      },
      aggregate: (type, query) => readings.aggregate(type, { ...query, within: within(type) }),
    },
    messages: {
      async list(type, filter, page) {
        const list = listOf('messages.list', type?.key, filter)
        // Messages without a type are of no device, and so in no scope.
        if (type === null) {
          if (page.cursor !== undefined) readScopedCursor(list, page.cursor)
          return { items: [], cursor: null }
        }
        return scopedPage(list, page, (asked) =>
          messages.list(type, { ...filter, within: within(type) }, asked),
        )
      },
      async get(ref) {
        const type = scope.types.find(({ key }) => key === ref.typeKey)
        return type === undefined ? null : messages.get(ref, within(type))
      },
    },
    commands: {
      find: (ids) => commands.find(ids, ofTypes()),
      list: (filter, page) =>
        scopedPage(listOf('commands.list', filter), page, (asked) =>
          commands.list({ ...filter, within: ofTypes(filter.typeKey) }, asked),
        ),
      // Only after a change of the device, which the scope let pass; it tells nothing.
      wake: (type, deviceIds) => commands.wake(type, deviceIds),
    },
    twins: {
      get: (type, deviceId) => twins.get(type, deviceId, within(type)),
      setDesired: (change) => twins.setDesired({ ...change, within: within(change.type) }),
    },
  }
}

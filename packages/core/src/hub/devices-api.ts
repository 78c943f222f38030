import { integer, optional } from '../model/check/index.js'
import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import type { InferState } from '../model/device-type/infer.js'
import { queryOf } from '../model/selector/conditions-of.js'
import type { Selector } from '../model/selector/selector.js'
import type { DeviceStatus } from '../model/statuses.js'
import { assertDeviceId } from '../model/topic/index.js'
import type { DevicePatch } from '../ports/devices.js'
import type { Page } from '../ports/storage.js'
import {
  acceptChange,
  acceptNewDevice,
  type NewDevice,
  storedState,
  toDevice,
  toRecord,
} from '../rules/device-row.js'
import { isReachable } from '../rules/states.js'
import { deviceNotFound, type MarkContext, type MarkOptions, markStatus } from './mark-status.js'
import { acceptDeviceId, PAGE, PAGE_LIMIT } from './rules.js'

/** What to change of a device; what is left out stays. */
export interface DeviceUpdate<State = Readonly<Record<string, unknown>>> {
  /** Shown to people; at most 255 characters. */
  readonly name?: string
  /** Set by hand, as of now. */
  readonly status?: DeviceStatus
  /** False: its messages are rejected. */
  readonly isActive?: boolean
  /** Null: unknown. */
  readonly firmwareVersion?: string | null
  /** Replaces all of it; at most the hub's `maxMetadata` bytes as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** By key, what changes of them; null takes a label away. */
  readonly labels?: Readonly<Record<string, string | null>>
  /** Reported state by field; null takes a nullable field's value away. */
  readonly state?: { readonly [Name in keyof State]?: State[Name] | null }
}

/** Which devices, and how many at a time. */
export interface DeviceQuery<T extends AnyDeviceType = AnyDeviceType> extends Selector<T> {
  /** 1 to 1,000; default 100. */
  readonly limit?: number
  /** Of the page before; absent: the first page. */
  readonly cursor?: string | undefined
}

/** How far to count. */
export interface DeviceCountQuery<T extends AnyDeviceType = AnyDeviceType> extends Selector<T> {
  /** Counting stops there; 1 to 1,000,000, default 10,000. */
  readonly max?: number
}

/** How many devices a selector says. */
export interface DeviceCount {
  /** Those that were counted. */
  readonly count: number
  /** False: there are at least so many. */
  readonly isExact: boolean
}

/** The devices of each type. A type that is not of this hub is refused with `unknown_type`. */
export interface DevicesApi {
  /**
   * `device_exists` when the id is taken, `invalid_device_id` when it cannot be a topic level.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * await hub.devices.create(WeatherStation, { deviceId: 'STATION-001', name: 'Roof' })
   */
  create<T extends AnyDeviceType>(type: T, device: NewDevice<InferState<T>>): Promise<Device<InferState<T>>>
  /**
   * Null when there is none.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const station = await hub.devices.get(WeatherStation, 'STATION-001')
   * station?.state.recording_mode // 'continuous'
   */
  get<T extends AnyDeviceType>(type: T, deviceId: string): Promise<Device<InferState<T>> | null>
  /**
   * Newest first.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { items, cursor } = await hub.devices.list(WeatherStation, { status: 'online', limit: 50 })
   */
  list<T extends AnyDeviceType>(type: T, query?: DeviceQuery<T>): Promise<Page<Device<InferState<T>>>>
  /**
   * How many there are, up to a bound: on a large fleet counting all costs more than a page.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { count, isExact } = await hub.devices.count(WeatherStation, { batteryLevel: { lt: 20 } })
   */
  count<T extends AnyDeviceType>(type: T, query?: DeviceCountQuery<T>): Promise<DeviceCount>
  /**
   * What is left out stays; metadata is replaced as a whole. The status `online` moves `last_seen` too; signals are
   * told by `markOnline` and `markOffline` alone. `device_not_found` when there is none.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * await hub.devices.update(WeatherStation, 'STATION-001', { name: 'Roof, north' })
   */
  update<T extends AnyDeviceType>(
    type: T,
    deviceId: string,
    change: DeviceUpdate<InferState<T>>,
  ): Promise<Device<InferState<T>>>
  /** Its messages are rejected from now on; other processes follow within their directory's refresh time. */
  deactivate<T extends AnyDeviceType>(type: T, deviceId: string): Promise<Device<InferState<T>>>
  /** Undoes `deactivate`. `device_not_found` when there is none. */
  activate<T extends AnyDeviceType>(type: T, deviceId: string): Promise<Device<InferState<T>>>
  /**
   * Makes a device `online` as a status of its own would: moves `last_seen`, writes an audit row (`direction` `hub`,
   * `source` `devices`), tells signals, hooks and consumers, sends commands that waited. Of one that is online it only
   * moves `last_seen`. For what hears of a device beside ingest, such as a gateway. `device_not_found` when there is
   * none.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * await hub.devices.markOnline(WeatherStation, 'STATION-001', { reason: 'seen by the gateway' })
   */
  markOnline<T extends AnyDeviceType>(
    type: T,
    deviceId: string,
    options?: MarkOptions,
  ): Promise<Device<InferState<T>>>
  /** The same for `offline`. It leaves `last_seen` alone, and does nothing to a device that is offline. */
  markOffline<T extends AnyDeviceType>(
    type: T,
    deviceId: string,
    options?: MarkOptions,
  ): Promise<Device<InferState<T>>>
  /** Deletes the device and its readings; its messages stay as the audit trail. False when there was none. */
  delete(type: AnyDeviceType, deviceId: string): Promise<boolean>
}

export interface DevicesContext extends MarkContext {
  readonly deviceIdMaxLength: number
  readonly maxMetadata: number
}

const COUNT = { max: optional(integer({ min: 1, max: 1_000_000 })) }
const COUNT_MAX = 10_000

export function createDevicesApi(context: DevicesContext): DevicesApi {
  const { storage, directory, clock, deviceIdMaxLength, maxMetadata, assertType, onReachable } = context
  const typed = <T extends AnyDeviceType>(device: Device) => device as Device<InferState<T>>

  async function update<T extends AnyDeviceType>(
    call: string,
    type: T,
    givenId: string,
    given: DeviceUpdate<InferState<T>>,
  ) {
    assertType(call, type)
    const deviceId = acceptDeviceId(call, givenId)
    const change = acceptChange(call, given, maxMetadata)
    const now = clock.now()
    const record = await storage.devices.update(type, deviceId, toPatch(type, change, now), now)
    directory.forget(type, deviceId)
    if (record === null) throw deviceNotFound(type, deviceId)
    if (change.status !== undefined && isReachable(change.status)) {
      if (storage.capabilities.control) await storage.commands.wake(type, [deviceId])
      onReachable()
    }
    return typed<T>(toDevice(type, record))
  }

  return {
    async create(type, given) {
      assertType('devices.create', type)
      const device = acceptNewDevice('devices.create', given, maxMetadata)
      assertDeviceId(device.deviceId, deviceIdMaxLength)
      const record = toRecord(type, device, clock.now())
      await storage.devices.create(type, record)
      directory.forget(type, device.deviceId)
      return typed(toDevice(type, record))
    },
    async get(type, deviceId) {
      assertType('devices.get', type)
      const [record] = await storage.devices.find(type, [acceptDeviceId('devices.get', deviceId)])
      return record === undefined ? null : typed(toDevice(type, record))
    },
    async list(type, query = {}) {
      assertType('devices.list', type)
      const { condition, rest } = queryOf('devices.list', type, query, clock.now(), PAGE)
      const { limit = PAGE_LIMIT, cursor } = rest
      const page = await storage.devices.list(type, condition, { limit, cursor })
      return { items: page.items.map((record) => typed(toDevice(type, record))), cursor: page.cursor }
    },
    async count(type, query = {}) {
      assertType('devices.count', type)
      const { condition, rest } = queryOf('devices.count', type, query, clock.now(), COUNT)
      const { max = COUNT_MAX } = rest
      const found = await storage.devices.count(type, condition, max + 1)
      return { count: Math.min(found, max), isExact: found <= max }
    },
    update: (type, deviceId, change) => update('devices.update', type, deviceId, change),
    deactivate: (type, deviceId) => update('devices.deactivate', type, deviceId, { isActive: false }),
    activate: (type, deviceId) => update('devices.activate', type, deviceId, { isActive: true }),
    markOnline: async (type, deviceId, how) =>
      typed(await markStatus(context, 'online', type, deviceId, how)),
    markOffline: async (type, deviceId, how) =>
      typed(await markStatus(context, 'offline', type, deviceId, how)),
    async delete(type, givenId) {
      assertType('devices.delete', type)
      const deviceId = acceptDeviceId('devices.delete', givenId)
      const deleted = await storage.devices.delete(type, deviceId, clock.now())
      directory.forget(type, deviceId)
      return deleted
    },
  }
}

function toPatch(
  type: AnyDeviceType,
  { state, status, ...plain }: ReturnType<typeof acceptChange>,
  now: number,
): DevicePatch {
  return {
    ...plain,
    // A status set by hand is news of now: a report measured before it does not undo it.
    ...(status === undefined ? {} : { status, statusAt: now }),
    // Who says that it is there now starts its heartbeat: the presence monitor leaves alone what was never seen.
    ...(status === 'online' ? { lastSeen: now } : {}),
    ...(state === undefined ? {} : { state: storedState(type, state) }),
  }
}

import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import type { InferState } from '../model/device-type/infer.js'
import { assertDeviceId } from '../model/topic/index.js'
import type { DevicePatch } from '../ports/devices.js'
import { acceptChange, acceptNewDevice, storedState, toDevice, toRecord } from '../rules/device-row.js'
import { isReachable } from '../rules/states.js'
import type { DeviceUpdate } from './device-queries.js'
import type { DevicesContext } from './devices-api.js'
import { createFleetQueries } from './fleet-queries.js'
import type { ScopedDevicesApi } from './hub-api.js'
import { deviceNotFound } from './mark-status.js'
import { acceptDeviceId } from './rules.js'
import { updateMany } from './update-devices.js'

export function createDevicesApi(context: DevicesContext): ScopedDevicesApi {
  const { storage, directory, clock, deviceIdMaxLength, maxMetadata, assertType, onReachable, scope } =
    context
  const fleet = createFleetQueries(context)
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
      const asked = acceptNewDevice('devices.create', given, maxMetadata)
      const device = scope ? { ...asked, labels: { ...scope.labels, ...asked.labels } } : asked
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
    ...fleet,
    updateMany: (type, target, change) => updateMany(context, type, target, change),
    update: (type, deviceId, change) => update('devices.update', type, deviceId, change),
    deactivate: (type, deviceId) => update('devices.deactivate', type, deviceId, { isActive: false }),
    activate: (type, deviceId) => update('devices.activate', type, deviceId, { isActive: true }),
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

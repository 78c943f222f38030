import type { AnyDeviceType, UnknownDevicePolicy } from '../device-type/device-type.js'
import { newDeviceRecord } from '../hub/device.js'
import type { Clock } from '../ports/clock.js'
import type { DeviceStatus, Storage } from '../ports/storage.js'
import type { DeviceDirectory, KnownDevice } from './device-directory.js'
import { type PlannedMessage, refuse } from './planned-message.js'

export interface ResolverOptions {
  readonly storage: Storage
  readonly directory: DeviceDirectory
  readonly clock: Clock
  readonly unknownDevice: (type: AnyDeviceType) => UnknownDevicePolicy
  /** Milliseconds between two writes of `last_seen` of a device that only sends data. */
  readonly lastSeenEvery: number
}

/** Data brings a device back from these; a status that the device reported of itself (`error`, `maintenance`) stays. */
const WOKEN_BY_DATA: readonly DeviceStatus[] = ['offline', 'provisioning']

/** Finds the device of each message, refuses those of unknown and inactive ones, and plans what changes in its row. */
export function createResolver(
  options: ResolverOptions,
): (planned: readonly PlannedMessage[]) => Promise<void> {
  const { storage, directory, clock } = options

  async function load(planned: readonly PlannedMessage[]): Promise<void> {
    const missing = new Map<AnyDeviceType, Set<string>>()
    for (const { refusal, type, deviceId } of planned) {
      if (refusal !== null || type === null || deviceId === null) continue
      if (directory.get(type, deviceId) === undefined) add(missing, type, deviceId)
    }
    for (const [type, ids] of missing) await directory.load(type, [...ids])
  }

  async function register(planned: readonly PlannedMessage[]): Promise<void> {
    const unknown = new Map<AnyDeviceType, Set<string>>()
    for (const { refusal, type, deviceId } of planned) {
      if (
        refusal !== null ||
        type === null ||
        deviceId === null ||
        options.unknownDevice(type) !== 'register'
      )
        continue
      if (!directory.get(type, deviceId)?.record) add(unknown, type, deviceId)
    }
    for (const [type, ids] of unknown) {
      const records = Array.from(ids, (deviceId) => newDeviceRecord(type, { deviceId }, clock.now()))
      await storage.devices.ensure(type, records)
      await directory.load(type, [...ids])
    }
  }

  return async (planned) => {
    await load(planned)
    await register(planned)
    for (const message of planned) {
      if (message.refusal !== null || message.type === null || message.deviceId === null) continue
      const known = directory.get(message.type, message.deviceId)
      if (known?.record?.isActive) planDeviceRow(message, message.type, known, options.lastSeenEvery)
      else refuseDevice(message, message.type, known, options.unknownDevice(message.type))
    }
  }
}

function add(map: Map<AnyDeviceType, Set<string>>, type: AnyDeviceType, deviceId: string): void {
  const ids = map.get(type)
  if (ids === undefined) map.set(type, new Set([deviceId]))
  else ids.add(deviceId)
}

function refuseDevice(
  message: PlannedMessage,
  type: AnyDeviceType,
  known: KnownDevice | undefined,
  policy: UnknownDevicePolicy,
): void {
  const who = `${type.name} ${message.deviceId}`
  if (known?.record) refuse(message, 'rejected', { code: 'inactive_device', reason: `${who} is deactivated` })
  else
    refuse(message, policy === 'reject' ? 'rejected' : 'quarantined', {
      code: 'unknown_device',
      reason: `there is no ${who}; create it, then replay`,
    })
}

/**
 * The directory's status runs ahead of the commit, so that a thousand samples in one batch wake a device once; the
 * storage compares again with the row itself.
 */
function planDeviceRow(
  message: PlannedMessage,
  type: AnyDeviceType,
  known: KnownDevice,
  lastSeenEvery: number,
): void {
  const { deviceId } = known
  const { news, at, receivedAt: lastSeen } = message
  message.known = known
  if (news !== null) {
    const { status, ...rest } = news
    message.change = {
      type,
      deviceId,
      lastSeen,
      at,
      ...rest,
      ...(status === undefined ? {} : { status: { value: status } }),
    }
    if (status !== undefined) runAhead(known, status, at)
  } else if (message.channel === 'data' && WOKEN_BY_DATA.includes(known.status) && at >= known.statusAt) {
    message.change = { type, deviceId, lastSeen, at, status: { value: 'online', from: WOKEN_BY_DATA } }
    runAhead(known, 'online', at)
  } else if (lastSeen - known.touchedAt >= lastSeenEvery) message.touch = { type, deviceId, lastSeen }
  else return
  known.touchedAt = Math.max(known.touchedAt, lastSeen)
}

function runAhead(known: KnownDevice, status: DeviceStatus, at: number): void {
  if (at < known.statusAt) return
  known.status = status
  known.statusAt = at
  known.device = null
}

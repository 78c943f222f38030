import type { AnyDeviceType, UnknownDevicePolicy } from '../model/device-type/device-type.js'
import type { DeviceStatus } from '../model/statuses.js'
import type { Clock } from '../ports/clock.js'
import type { Storage } from '../ports/storage.js'
import { newDeviceRecord } from '../rules/device-row.js'
import { heartbeatOf } from '../rules/heartbeat.js'
import { isReachable } from '../rules/states.js'
import type { DeviceDirectory, KnownDevice } from './device-directory.js'
import { planSession } from './plan-session.js'
import { type PlannedMessage, refuse } from './planned-message.js'

export interface ResolverOptions {
  readonly storage: Storage
  readonly directory: DeviceDirectory
  readonly clock: Clock
  readonly unknownDevice: (type: AnyDeviceType) => UnknownDevicePolicy
  /** Milliseconds between two writes of `last_seen` of a device that only sends data. */
  readonly lastSeenEvery: number
}

/** Whatever a device sends brings it back from these; a status that it reported of itself (`error`, `maintenance`) stays. */
const WOKEN_BY_DATA: readonly DeviceStatus[] = ['offline', 'provisioning']

/**
 * Finds the device of each message, refuses those of unknown and inactive ones, and plans what changes in its row: a
 * message that was refused for what is in it tells that its device lives all the same. What the hub sent or decided
 * itself changes no row, and is not refused, but for what a broker told of a connection.
 */
export function createResolver(
  options: ResolverOptions,
): (planned: readonly PlannedMessage[]) => Promise<void> {
  const { storage, directory, clock } = options

  /** Looks up what the directory does not know; asks it once a message. */
  async function load(planned: readonly PlannedMessage[]): Promise<void> {
    const missing = new Map<AnyDeviceType, Set<string>>()
    const waiting: PlannedMessage[] = []
    for (const message of planned) {
      const { refusal, type, deviceId } = message
      if (type === null || deviceId === null || (refusal !== null && !isSignOfLife(message))) continue
      message.known = directory.get(type, deviceId) ?? null
      if (message.known !== null) continue
      waiting.push(message)
      add(missing, type, deviceId)
    }
    await read(missing, waiting)
  }

  /** One query a type. */
  async function read(
    ids: ReadonlyMap<AnyDeviceType, ReadonlySet<string>>,
    messages: readonly PlannedMessage[],
  ): Promise<void> {
    const found = new Map<AnyDeviceType, ReadonlyMap<string, KnownDevice>>()
    for (const [type, each] of ids) found.set(type, await directory.load(type, [...each]))
    for (const message of messages)
      message.known = found.get(message.type as AnyDeviceType)?.get(message.deviceId as string) ?? null
  }

  async function register(planned: readonly PlannedMessage[]): Promise<void> {
    const unknown = new Map<AnyDeviceType, Set<string>>()
    const waiting: PlannedMessage[] = []
    for (const message of planned) {
      const { refusal, type, deviceId, known, direction } = message
      if (refusal !== null || type === null || deviceId === null || known?.record || direction !== 'in')
        continue
      if (options.unknownDevice(type) !== 'register') continue
      waiting.push(message)
      add(unknown, type, deviceId)
    }
    for (const [type, ids] of unknown) {
      const records = Array.from(ids, (deviceId) => newDeviceRecord(type, { deviceId }, clock.now()))
      await storage.devices.ensure(type, records)
    }
    await read(unknown, waiting)
  }

  return async (planned) => {
    await load(planned)
    await register(planned)
    for (const message of planned) {
      const { refusal, type, known } = message
      if (type === null || message.deviceId === null) continue
      if (message.direction !== 'in' && message.session === null) continue
      if (known?.record?.isActive && message.session !== null && refusal === null)
        planSession(message, message.session, type, known)
      else if (known?.record?.isActive) planDeviceRow(message, type, known, options.lastSeenEvery)
      else if (refusal === null) refuseDevice(message, type, known, options.unknownDevice(type))
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
  known: KnownDevice | null,
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
 * What a device sent just now, whatever became of it. Not what the broker had kept, what was stored long ago, or what
 * is on a channel of the hub's own.
 */
const isSignOfLife = ({ direction, inbound, replayOf, channel }: PlannedMessage): boolean =>
  direction === 'in' &&
  inbound.retained !== true &&
  replayOf === undefined &&
  channel !== 'cmd' &&
  channel !== 'desired'

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
  // What a broker kept and hands out at a subscription says nothing of now: no sign of life, no status.
  if (message.inbound.retained) return
  const { deviceId } = known
  const { news, at, claimedAt, receivedAt: lastSeen } = message
  const lives = isSignOfLife(message)
  if (news === null && !lives) return
  const silence = lastSeen - known.touchedAt
  const wakes = lives && mayWake(message) && isToBeWoken(type, known, at, silence)
  if (news !== null || wakes) {
    const { status, ...rest } = news ?? {}
    message.change = {
      type,
      deviceId,
      lastSeen,
      at,
      claimedAt,
      ...rest,
      ...(status !== undefined ? { status: { value: status } } : wakes ? { status: WAKE } : {}),
    }
    if (status !== undefined) runAhead(known, status, at, claimedAt)
    else if (wakes) runAhead(known, 'online', at)
  } else if (silence >= Math.min(lastSeenEvery, heartbeatOf(type) / 2))
    message.touch = { type, deviceId, lastSeen }
  else return
  known.touchedAt = Math.max(known.touchedAt, lastSeen)
  known.device = null
}

const WAKE = { value: 'online', from: WOKEN_BY_DATA } as const

/** A status of which nobody knows what it says may be the will: the broker sends it when the device is gone. */
const mayWake = ({ news, refusal, flags, channel }: PlannedMessage): boolean =>
  news?.status === undefined &&
  (channel !== 'status' || (refusal === null && !flags?.includes('unknown_status')))

function isToBeWoken(type: AnyDeviceType, known: KnownDevice, at: number, silence: number): boolean {
  if (WOKEN_BY_DATA.includes(known.status)) return at >= known.statusAt
  // Another process may be marking it offline right now: the row decides, a touch would leave it so.
  return known.status === 'online' && silence > heartbeatOf(type) * 1.5
}

/** As `applyDeviceChange` will decide, as far as this process knows. */
function runAhead(
  known: KnownDevice,
  status: DeviceStatus,
  at: number,
  claimedAt: number | null = null,
): void {
  const { statusClaimedAt } = known
  if (at < known.statusAt) return
  if (claimedAt !== null && statusClaimedAt !== null && claimedAt < statusClaimedAt) return
  known.status = status
  known.statusAt = at
  known.statusClaimedAt = claimedAt ?? (isReachable(status) ? statusClaimedAt : null)
}

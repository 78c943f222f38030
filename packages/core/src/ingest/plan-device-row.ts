import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DEVICE_STATUSES, type DeviceStatus } from '../model/statuses.js'
import type { DeviceChange, DeviceTouch } from '../ports/storage.js'
import { isDatedBack } from '../rules/dated-back.js'
import { heartbeatOf } from '../rules/heartbeat.js'
import { isReachable } from '../rules/states.js'
import type { KnownDevice } from './device-directory.js'
import { auditRow } from './message-rows.js'
import type { MessageRefusal } from './refusal.js'
import type { SessionNews, TakenMessage } from './taken-message.js'

/** What a message changes in the row of its device: at most one of both. */
export interface DeviceRowPlan {
  readonly touch: DeviceTouch | null
  readonly change: DeviceChange | null
}

export const NO_CHANGE: DeviceRowPlan = { touch: null, change: null }

/** Whatever a device sends brings it back from these; a status that it reported of itself (`error`, `maintenance`) stays. */
const WOKEN_BY_DATA: readonly DeviceStatus[] = ['offline', 'provisioning']
const WAKE = { value: 'online', from: WOKEN_BY_DATA } as const
const CONNECTED = DEVICE_STATUSES.filter(isReachable)
const NOT_CONNECTED = DEVICE_STATUSES.filter((status) => !isReachable(status))

/**
 * What a device sent just now, whatever became of it. Not what the broker had kept, what was stored long ago, or what
 * is on a channel of the hub's own.
 */
export const isSignOfLife = ({ direction, envelope, replayOf, channel }: TakenMessage): boolean =>
  direction === 'in' &&
  envelope.retained !== true &&
  replayOf === undefined &&
  channel !== 'cmd' &&
  channel !== 'desired'

/**
 * A message that was refused for what is in it tells that its device lives all the same.
 * The directory's status runs ahead of the commit, so that a thousand samples in one batch wake a device once; the
 * storage compares again with the row itself.
 */
export function planDeviceRow(
  message: TakenMessage,
  refusal: MessageRefusal | null,
  type: AnyDeviceType,
  known: KnownDevice,
  lastSeenEvery: number,
): DeviceRowPlan {
  // What a broker kept and hands out at a subscription says nothing of now: no sign of life, no status.
  if (message.envelope.retained) return NO_CHANGE
  const { deviceId } = known
  const { receivedAt: lastSeen } = message
  const { news, claimedAt = null } = message.content
  const lives = isSignOfLife(message)
  if (news === null && !lives) return NO_CHANGE
  // A clock that was set back says as little of a silence as one that ran on.
  const silence = Math.abs(lastSeen - known.touchedAt)
  const wakes = lives && mayWake(message, refusal) && isToBeWoken(type, known, message, silence)
  if (news === null && !wakes) {
    if (silence < Math.min(lastSeenEvery, heartbeatOf(type) / 2)) return NO_CHANGE
    seen(known, message)
    return { touch: { type, deviceId, lastSeen }, change: null }
  }
  const { status, ...rest } = news ?? {}
  const at = lastSeen
  if (status !== undefined) runAhead(known, status, message, claimedAt)
  else if (wakes) runAhead(known, 'online', message)
  seen(known, message)
  const change = {
    type,
    deviceId,
    lastSeen,
    at,
    claimedAt,
    ...rest,
    ...(status !== undefined ? { status: { value: status } } : wakes ? { status: WAKE } : {}),
  }
  return { touch: null, change }
}

function seen(known: KnownDevice, { receivedAt, isLive }: TakenMessage): void {
  known.touchedAt = isLive ? receivedAt : Math.max(known.touchedAt, receivedAt)
  known.device = null
}

/** A status of which nobody knows what it says may be the will: the broker sends it when the device is gone. */
const mayWake = ({ content, flags, channel }: TakenMessage, refusal: MessageRefusal | null): boolean =>
  content.news?.status === undefined &&
  (channel !== 'status' || (refusal === null && !flags?.includes('unknown_status')))

function isToBeWoken(
  type: AnyDeviceType,
  known: KnownDevice,
  { receivedAt, isLive }: TakenMessage,
  silence: number,
): boolean {
  if (WOKEN_BY_DATA.includes(known.status)) return isLive || receivedAt >= known.statusAt
  // Another process may be marking it offline right now: the row decides, a touch would leave it so.
  return known.status === 'online' && silence > heartbeatOf(type) * 1.5
}

/** As `applyDeviceChange` will decide, as far as this process knows. */
function runAhead(
  known: KnownDevice,
  status: DeviceStatus,
  { receivedAt: at, isLive }: TakenMessage,
  claimedAt: number | null = null,
): void {
  const { statusClaimedAt } = known
  if (!isLive && at < known.statusAt) return
  if (
    claimedAt !== null &&
    statusClaimedAt !== null &&
    isDatedBack({ claimedAt, at, isLive }, statusClaimedAt)
  )
    return
  known.status = status
  known.statusAt = at
  known.statusClaimedAt = claimedAt ?? (isReachable(status) ? statusClaimedAt : null)
}

/**
 * What the beginning or the end of a connection changes in the device's row, which decides whether the event is late.
 * So the directory does not run ahead with it: behind an end, data of the same batch asks to wake the device.
 */
export function planSession(
  message: TakenMessage,
  { event, startedAt }: SessionNews,
  at: number,
  type: AnyDeviceType,
  known: KnownDevice,
): DeviceRowPlan {
  const ended = event === 'disconnected'
  const { receivedAt: now } = message
  // An event may be late. That is not told by a time ahead of now, though: the clock was set back, or is another hub's.
  const isSetBack = known.statusAt > now
  const change: DeviceChange = {
    type,
    deviceId: known.deviceId,
    // An end is no sign of life.
    lastSeen: ended ? Math.min(known.touchedAt || at, now) : at,
    at,
    ...(isSetBack && { liveAt: now }),
    status: ended ? { value: 'offline', from: CONNECTED } : { value: 'online', from: NOT_CONNECTED },
    ...(startedAt !== null && { session: { startedAt, ended } }),
    audit: auditRow(message, null, message.flags, message.receivedAt),
  }
  if (ended) {
    known.status = 'offline'
    known.device = null
  }
  return { touch: null, change }
}

import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DEVICE_STATUSES } from '../model/statuses.js'
import { isReachable } from '../rules/states.js'
import type { KnownDevice } from './device-directory.js'
import { type PlannedMessage, type SessionNews, toCommitEntry } from './planned-message.js'

const CONNECTED = DEVICE_STATUSES.filter(isReachable)
const NOT_CONNECTED = DEVICE_STATUSES.filter((status) => !isReachable(status))

/**
 * What the beginning or the end of a connection changes in the device's row, which decides whether the event is late.
 * So the directory does not run ahead with it: behind an end, data of the same batch asks to wake the device.
 */
export function planSession(
  message: PlannedMessage,
  { event, startedAt }: SessionNews,
  type: AnyDeviceType,
  known: KnownDevice,
): void {
  const { at, receivedAt } = message
  const ended = event === 'disconnected'
  message.change = {
    type,
    deviceId: known.deviceId,
    // An end is no sign of life.
    lastSeen: ended ? known.touchedAt || at : at,
    at,
    status: ended ? { value: 'offline', from: CONNECTED } : { value: 'online', from: NOT_CONNECTED },
    ...(startedAt !== null && { session: { startedAt, ended } }),
    audit: toCommitEntry(message, receivedAt).message,
  }
  if (!ended) return
  known.status = 'offline'
  known.device = null
}

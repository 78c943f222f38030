import type { DeviceChange, DeviceStatus } from '../ports/storage.js'

/** The part of a device row that messages change. */
export interface LiveState {
  readonly status: DeviceStatus
  readonly statusAt: number | null
  readonly batteryLevel: number | null
  readonly firmwareVersion: string | null
  readonly lastSeen: number | null
}

/**
 * One step of "latest goes by measured time" (invariant 4), shared by every storage: `last_seen` only moves forward,
 * and news measured before the news a row already holds changes nothing else. Gives `current` itself back when the
 * change's own condition does not hold.
 */
export function applyDeviceChange(current: LiveState, change: DeviceChange): LiveState {
  const { ifSeenBefore } = change
  if (ifSeenBefore !== undefined && (current.lastSeen === null || current.lastSeen >= ifSeenBefore))
    return current
  const lastSeen = Math.max(current.lastSeen ?? change.lastSeen, change.lastSeen)
  if (current.statusAt !== null && change.at < current.statusAt) return { ...current, lastSeen }
  const applies = change.status !== undefined && (change.status.from?.includes(current.status) ?? true)
  return {
    status: applies && change.status ? change.status.value : current.status,
    statusAt: change.at,
    batteryLevel: change.batteryLevel ?? current.batteryLevel,
    firmwareVersion: change.firmwareVersion ?? current.firmwareVersion,
    lastSeen,
  }
}

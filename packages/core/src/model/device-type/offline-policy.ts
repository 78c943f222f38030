/**
 * - `queue`: wait until the device is connected, or the command expires
 * - `fail`: refuse it at once
 * - `send`: publish it whatever the status says, for devices that say nothing of themselves; does not wait behind queued ones
 */
export const OFFLINE_POLICIES = ['queue', 'fail', 'send'] as const

/** What becomes of a command to a device that is not connected: see `OFFLINE_POLICIES`. */
export type OfflinePolicy = (typeof OFFLINE_POLICIES)[number]

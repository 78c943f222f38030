/**
 * - `queue`: wait until the device is connected, or the command expires
 * - `fail`: refuse it at once
 * - `send`: publish it whatever the status says, for devices that say nothing of themselves; does not wait behind queued ones
 */
export const OFFLINE_POLICIES = ['queue', 'fail', 'send'] as const

export type OfflinePolicy = (typeof OFFLINE_POLICIES)[number]

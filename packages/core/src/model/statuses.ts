/** What a device can say of itself, or be set to. */
export const DEVICE_STATUSES = [
  'online',
  'offline',
  'error',
  'maintenance',
  'low_battery',
  'provisioning',
] as const

/** The status of a device: one of `DEVICE_STATUSES`. */
export type DeviceStatus = (typeof DEVICE_STATUSES)[number]

/** In the order in which they can follow each other; from `succeeded` on nothing changes any more. */
export const COMMAND_STATES = [
  'queued',
  'sent',
  'accepted',
  'succeeded',
  'failed',
  'rejected',
  'timed_out',
  'expired',
  'cancelled',
] as const

/** Where a command is: one of `COMMAND_STATES`. */
export type CommandState = (typeof COMMAND_STATES)[number]

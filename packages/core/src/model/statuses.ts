export const DEVICE_STATUSES = [
  'online',
  'offline',
  'error',
  'maintenance',
  'low_battery',
  'provisioning',
] as const

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

export type CommandState = (typeof COMMAND_STATES)[number]

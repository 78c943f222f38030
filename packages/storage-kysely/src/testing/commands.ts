import type { NewCommand } from '@devicehub/core/storage'
import { Station, T0 } from './rows.js'

/** Who creates and claims commands in tests. */
export const CLAIM = { claim: 'me', ttl: 60_000, types: [Station.key] }

export const command = (id: string, more: Partial<NewCommand> = {}): NewCommand => ({
  id,
  type: Station,
  deviceId: 'a',
  command: 'reboot',
  payload: null,
  timeout: 30_000,
  expiresIn: 600_000,
  retries: 0,
  onOffline: 'queue',
  batch: null,
  createdAt: T0,
  ...more,
})

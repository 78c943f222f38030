import type { AnyDeviceType } from '../device-type/device-type.js'
import { DeviceHubError } from '../errors.js'
import { type NewCommand, OFFLINE_POLICIES, type OfflinePolicy } from '../ports/commands.js'

export interface SendOptions {
  /** Seconds from a publication to the device's final reply, after which the command has timed out; default 30. */
  readonly timeout?: number
  /** Seconds from now until it must not be sent any more; default 86,400 (a day). The device is told, and does not execute it later. */
  readonly expiresIn?: number
  /** How often it is published again when nothing was heard of it within `timeout`; default 0. A device goes by the id and executes it once. */
  readonly retries?: number
  /**
   * What to do while the device is not connected; default: the type's `onOffline`, else `queue`. `queue` keeps it until the device is, or it expires; `fail`
   * refuses it with `device_offline`; `send` publishes it whatever the status says, for devices that never report one.
   */
  readonly onOffline?: OfflinePolicy
}

const YEAR = 366 * 86_400

/** Checked and complete, in milliseconds. Throws `invalid_options`. */
export function sendSettings(
  options: SendOptions,
  type: Pick<AnyDeviceType, 'options'>,
): Pick<NewCommand, 'timeout' | 'expiresIn' | 'retries' | 'onOffline'> {
  const {
    timeout = 30,
    expiresIn = 86_400,
    retries = 0,
    onOffline = type.options.onOffline ?? 'queue',
  } = options
  if (!OFFLINE_POLICIES.includes(onOffline))
    throw invalid(`onOffline is one of ${OFFLINE_POLICIES.join(', ')}`)
  if (!Number.isInteger(retries) || retries < 0 || retries > 100)
    throw invalid(`retries is a whole number from 0 to 100, not ${String(retries)}`)
  return {
    timeout: seconds('timeout', timeout),
    expiresIn: seconds('expiresIn', expiresIn),
    retries,
    onOffline,
  }
}

function seconds(name: string, value: number): number {
  if (typeof value === 'number' && value >= 0.001 && value <= YEAR) return Math.round(value * 1000)
  throw invalid(`${name} is a number of seconds from 0.001 to ${YEAR}, not ${String(value)}`)
}

const invalid = (message: string) => new DeviceHubError('invalid_options', `commands.send: ${message}`)

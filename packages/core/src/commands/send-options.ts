import { integer, number, type OptionRules, optional, word } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { OFFLINE_POLICIES, type OfflinePolicy } from '../model/device-type/offline-policy.js'
import type { NewCommand } from '../ports/commands.js'

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

const SECONDS = number({ min: 0.001, max: YEAR })

export const SEND: OptionRules<SendOptions> = {
  timeout: optional(SECONDS),
  expiresIn: optional(SECONDS),
  retries: optional(integer({ min: 0, max: 100 })),
  onOffline: optional(word(...OFFLINE_POLICIES)),
}

export type SendSettings = Pick<NewCommand, 'timeout' | 'expiresIn' | 'retries' | 'onOffline'>

/** Complete, in milliseconds. */
export function sendSettings(
  { timeout = 30, expiresIn = 86_400, retries = 0, onOffline }: SendOptions,
  type: Pick<AnyDeviceType, 'options'>,
): SendSettings {
  return {
    timeout: Math.round(timeout * 1000),
    expiresIn: Math.round(expiresIn * 1000),
    retries,
    onOffline: onOffline ?? type.options.onOffline ?? 'queue',
  }
}

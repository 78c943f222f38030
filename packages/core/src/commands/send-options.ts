import { duration, integer, type OptionRules, optional, word } from '../model/check/index.js'
import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { OFFLINE_POLICIES, type OfflinePolicy } from '../model/device-type/offline-policy.js'
import type { Duration, InMilliseconds } from '../model/duration.js'
import type { NewCommand } from '../ports/commands.js'

/** How one command is sent. Durations are numbers of seconds or texts such as `'90s'`. */
export interface SendOptions {
  /** How long a publication waits for the device's final reply, after which the command has timed out; default 30 s. */
  readonly timeout?: Duration
  /** How long from now it may be sent; default a day. The device is told, and does not execute it later. */
  readonly expiresIn?: Duration
  /** How often it is published again when nothing was heard of it within `timeout`; default 0. A device goes by the id and executes it once. */
  readonly retries?: number
  /**
   * What to do while the device is not connected; default: the type's `onOffline`, else `queue`. `queue` keeps it until the device is, or it expires; `fail`
   * refuses it with `device_offline`; `send` publishes it whatever the status says, for devices that never report one.
   */
  readonly onOffline?: OfflinePolicy
}

const UP_TO_A_YEAR = duration({ min: '1ms', max: '366d' })

export const SEND: OptionRules<InMilliseconds<SendOptions>> = {
  timeout: optional(UP_TO_A_YEAR),
  expiresIn: optional(UP_TO_A_YEAR),
  retries: optional(integer({ min: 0, max: 100 })),
  onOffline: optional(word(...OFFLINE_POLICIES)),
}

export type SendSettings = Pick<NewCommand, 'timeout' | 'expiresIn' | 'retries' | 'onOffline'>

/** Complete, in milliseconds. */
export function sendSettings(
  { timeout = 30_000, expiresIn = 86_400_000, retries = 0, onOffline }: InMilliseconds<SendOptions>,
  type: Pick<AnyDeviceType, 'options'>,
): SendSettings {
  return {
    timeout,
    expiresIn,
    retries,
    onOffline: onOffline ?? optionOf(type, 'onOffline'),
  }
}

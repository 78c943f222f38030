import {
  accept,
  number as anyNumber,
  callback,
  optional,
  options as optionRule,
} from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import { HEARTBEAT_MULTIPLIER, heartbeatLimit, heartbeatOf } from '../rules/heartbeat.js'

export interface PresenceOptions {
  /** Seconds between two sweeps; default a tenth of the smallest heartbeat interval, from 1 to 60. At most 0.4 of the time after which a device is overdue. */
  readonly every?: number
  /** How many heartbeat intervals may pass until a device is overdue; default 2.5, at least 1.5. */
  readonly multiplier?: number
  /** Seconds without a sign of life until another process takes over; default twice `every`, from 2 to 15. */
  readonly lease?: number
  /**
   * Whether this process hears its devices now; default: always. While it says no, this process does not sweep, and
   * another one may.
   *
   * @example
   * { isListening: () => listener.stats().state === 'connected' }
   */
  readonly isListening?: () => boolean | Promise<boolean>
}

/** The options, checked and complete. Times in milliseconds. */
export interface PresenceSettings {
  readonly every: number
  readonly multiplier: number
  readonly ttl: number
  /** Sweeps that lie further apart are two watches: see `Watch`. */
  readonly maxGap: number
  readonly isListening: () => boolean | Promise<boolean>
}

// The bounds of the figures depend on each other and on the types.
const PRESENCE = optionRule<PresenceOptions>({
  every: optional(anyNumber()),
  multiplier: optional(anyNumber()),
  lease: optional(anyNumber()),
  isListening: optional(callback<() => boolean | Promise<boolean>>()),
})

/** Throws `invalid_options`. */
export function presenceSettings(given: PresenceOptions, types: readonly AnyDeviceType[]): PresenceSettings {
  const options = accept('createPresenceMonitor', 'options', PRESENCE, given)
  const number = (name: string, value: number, min: number, max: number) => {
    if (value >= min && value <= max) return value
    throw new DeviceHubError(
      'invalid_options',
      `createPresenceMonitor: ${name} must be a number from ${min} to ${max}, not ${value}`,
      {
        details: { function: 'createPresenceMonitor', key: name, expected: `a number from ${min} to ${max}` },
      },
    )
  }
  const multiplier = number('multiplier', options.multiplier ?? HEARTBEAT_MULTIPLIER, 1.5, 1_000)
  const shortest = Math.min(...types.map(heartbeatOf), 86_400_000)
  const limit = Math.min(...types.map((type) => heartbeatLimit(type, multiplier)), 86_400_000)
  const every =
    options.every === undefined
      ? clamp(shortest / 10_000, 1, 60)
      : number('every', options.every, 0.01, Math.max(1, (limit * 0.4) / 1000))
  const lease = number('lease', options.lease ?? clamp(every * 2, 2, 15), 1, 3_600)
  return {
    every: every * 1000,
    multiplier,
    ttl: lease * 1000,
    // What passes unwatched, and one interval, have to fit into what a device is given.
    maxGap: 1000 * Math.min(every * 3, Math.max(every * 1.5, limit / 2000)),
    isListening: options.isListening ?? (() => true),
  }
}

const clamp = (value: number, min: number, max: number) => Math.min(Math.max(value, min), max)

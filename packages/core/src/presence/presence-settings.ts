import { accept, callback, duration, number, optional, options as optionRule } from '../model/check/index.js'
import { DEFAULT_HEARTBEAT_MULTIPLIER } from '../model/device-type/default-options.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { type Duration, durationText, type InMilliseconds } from '../model/duration.js'
import { DeviceHubError } from '../model/errors.js'
import { heartbeatLimit, heartbeatOf } from '../rules/heartbeat.js'

/** How devices that fall silent are found. */
export interface PresenceOptions {
  /** The time between two sweeps; default a tenth of the smallest heartbeat interval, from 1 s to 1 min. At most 0.4 of the time after which a device is overdue. */
  readonly every?: Duration
  /** How many heartbeat intervals may pass until a device is overdue; default 2.5, at least 1.5. */
  readonly multiplier?: number
  /** How long there may be no sign of life until another process takes over; default twice `every`, from 2 s to 15 s. */
  readonly lease?: Duration
  /**
   * Whether this process hears its devices now; default: always. While it says no, this process does not sweep, and
   * another one may.
   *
   * @example
   * import type { PresenceOptions } from '@devicehub/core'
   * import { createMqttListener } from '@devicehub/mqtt-listener'
   * import { hub } from './hub.js'
   *
   * const listener = createMqttListener(hub, { url: 'mqtt://localhost:1883', clientId: 'ingest' })
   * const options: PresenceOptions = { isListening: () => listener.stats().state === 'connected' }
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
const PRESENCE = optionRule<InMilliseconds<PresenceOptions>>({
  every: optional(duration({ min: '10ms', max: '10h' })),
  multiplier: optional(number({ min: 1.5, max: 1_000 })),
  lease: optional(duration({ min: '1s', max: '1h' })),
  isListening: optional(callback<() => boolean | Promise<boolean>>()),
})

/** Throws `invalid_options`. */
export function presenceSettings(given: PresenceOptions, types: readonly AnyDeviceType[]): PresenceSettings {
  const options = accept('createPresenceMonitor', 'options', PRESENCE, given)
  const { multiplier = DEFAULT_HEARTBEAT_MULTIPLIER } = options
  const shortest = Math.min(...types.map(heartbeatOf), 86_400_000)
  const limit = Math.min(...types.map((type) => heartbeatLimit(type, multiplier)), 86_400_000)
  const { every = clamp(shortest / 10, 1_000, 60_000) } = options
  const most = Math.max(1_000, limit * 0.4)
  if (every > most) throw tooSeldom(every, most)
  return {
    every,
    multiplier,
    ttl: options.lease ?? clamp(every * 2, 2_000, 15_000),
    // What passes unwatched, and one interval, have to fit into what a device is given.
    maxGap: Math.min(every * 3, Math.max(every * 1.5, limit / 2)),
    isListening: options.isListening ?? (() => true),
  }
}

function tooSeldom(every: number, most: number): DeviceHubError {
  const expected = `a duration from 10ms to ${durationText(Math.floor(most))}, 0.4 of the time after which a device is overdue`
  return new DeviceHubError(
    'invalid_options',
    `createPresenceMonitor: every must be ${expected}, not ${durationText(every)}`,
    { details: { function: 'createPresenceMonitor', key: 'every', expected } },
  )
}

const clamp = (value: number, min: number, max: number) => Math.min(Math.max(value, min), max)

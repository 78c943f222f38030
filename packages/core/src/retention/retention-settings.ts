import { accept, duration, number, optional, options as optionRule } from '../model/check/index.js'
import type { Duration, InMilliseconds } from '../model/duration.js'

/** When old rows are deleted, and how much of the time that may take. */
export interface RetentionOptions {
  /** The time from the end of one run to the next; default 1 h, at least 1 s. */
  readonly every?: Duration
  /**
   * How long rows of `devicehub_message` are kept, the messages that belong to no device type; default: for good. At least
   * 1 s.
   */
  readonly unrouted?: Duration
  /** The part of the time of a run in which it deletes, from 0.01 to 1; default 0.5. In the rest the database is for others. */
  readonly share?: number
  /** How long there may be no sign of life until another process takes over; default 1 min, from 1 s to 1 h. */
  readonly lease?: Duration
}

/** The options, checked and complete. Times in milliseconds. */
export interface RetentionSettings {
  readonly every: number
  /** Null: they are kept. */
  readonly unrouted: number | null
  readonly share: number
  readonly ttl: number
}

const RETENTION = optionRule<InMilliseconds<RetentionOptions>>({
  every: optional(duration({ min: '1s', max: '7d' })),
  unrouted: optional(duration({ min: '1s', max: '36500d' })),
  share: optional(number({ min: 0.01, max: 1 })),
  lease: optional(duration({ min: '1s', max: '1h' })),
})

/** Throws `invalid_options`. */
export function retentionSettings(given: RetentionOptions): RetentionSettings {
  const {
    every = 3_600_000,
    unrouted = null,
    share = 0.5,
    lease = 60_000,
  } = accept('createRetention', 'options', RETENTION, given)
  return { every, unrouted, share, ttl: lease }
}

import { type Backoff, createBackoff as create } from '@devicehub-internal/async'
import { accept, callback, duration, number, optional, options } from '../model/check/index.js'
import { type Duration, durationText, type InMilliseconds } from '../model/duration.js'
import { DeviceHubError } from '../model/errors.js'

export type { Backoff }

/** How pauses between attempts grow. */
export interface BackoffOptions {
  /** The pause before the first retry. Default 1 s; at most 1 min. */
  readonly min?: Duration | undefined
  /** What no pause exceeds; at least `min`. Default 1 min. */
  readonly max?: Duration | undefined
  /** By how much each pause exceeds the one before. Default 2. */
  readonly factor?: number | undefined
  /** The share of a pause that is left to chance, 0 to 1: at 0.5 a pause of 8 s becomes 4 to 8 s. Default 0.5. */
  readonly jitter?: number | undefined
  /** 0 to below 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

const BACKOFF = options<InMilliseconds<BackoffOptions>>({
  min: optional(duration({ max: '1m' })),
  max: optional(duration({ max: '1d' })),
  factor: optional(number({ min: 1 })),
  jitter: optional(number({ min: 0, max: 1 })),
  random: optional(callback<() => number>()),
})

/** Delays between attempts, growing and jittered. `invalid_options` for options that do not fit. */
export function createBackoff(given: BackoffOptions = {}): Backoff {
  const accepted = accept('createBackoff', 'options', BACKOFF, given)
  const { min = 1000, max = 60_000 } = accepted
  if (max < min)
    throw new DeviceHubError(
      'invalid_options',
      `createBackoff: max must be at least min, not min ${durationText(min)} and max ${durationText(max)}`,
      { details: { function: 'createBackoff', key: 'max', expected: `${durationText(min)} or more` } },
    )
  return create(accepted)
}

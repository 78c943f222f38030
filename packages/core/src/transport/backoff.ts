import {
  type Backoff,
  type BackoffOptions as BackoffSettings,
  createBackoff as create,
} from '@devicehub-internal/async'
import { accept, callback, duration, number, optional, options } from '../model/check/index.js'
import { type Duration, durationText, type InMilliseconds } from '../model/duration.js'
import { DeviceHubError } from '../model/errors.js'

export type { Backoff }

export interface BackoffOptions extends Omit<BackoffSettings, 'min' | 'max'> {
  /** The pause before the first retry. Default 1 s. */
  readonly min?: Duration | undefined
  /** What no pause exceeds; at least `min`. Default 1 min. */
  readonly max?: Duration | undefined
}

const BACKOFF = options<InMilliseconds<BackoffOptions>>({
  min: optional(duration({ max: '1d' })),
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

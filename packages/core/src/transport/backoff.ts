import { type Backoff, type BackoffOptions, createBackoff as create } from '@devicehub-internal/async'
import { accept, callback, number, optional, options } from '../model/check/index.js'
import { DeviceHubError } from '../model/errors.js'

export type { Backoff, BackoffOptions }

const BACKOFF = options<BackoffOptions>({
  min: optional(number({ min: 0 })),
  max: optional(number({ min: 0 })),
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
      `createBackoff: max must be at least min, not min ${min} and max ${max}`,
      { details: { function: 'createBackoff', key: 'max', expected: `${min} or more` } },
    )
  return create(accepted)
}

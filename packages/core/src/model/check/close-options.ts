import type { Duration, InMilliseconds } from '../duration.js'
import { duration } from './duration.js'
import { options } from './options.js'
import { optional } from './rules.js'

/** What every `close` takes. */
export interface CloseOptions {
  /** How long what is under way may take; what is not done by then is given up. */
  readonly timeout?: Duration | undefined
}

/** An hour is more than anything needs to close. Gives milliseconds. */
export const CLOSE = options<InMilliseconds<CloseOptions>>({
  timeout: optional(duration({ max: '1h' })),
})

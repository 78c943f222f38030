import { options } from './options.js'
import { number, optional } from './rules.js'

/** What several calls of the hub take. */

/** Milliseconds that a timer can hold. */
export const TIMER_MAX = 2_147_483_647

export const CLOSE = options<{ readonly timeout?: number }>({
  timeout: optional(number({ min: 0, max: TIMER_MAX })),
})

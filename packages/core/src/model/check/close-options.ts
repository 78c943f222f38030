import { TIMER_MAX } from './duration.js'
import { options } from './options.js'
import { number, optional } from './rules.js'

/** What several calls of the hub take. */

export const CLOSE = options<{ readonly timeout?: number }>({
  timeout: optional(number({ min: 0, max: TIMER_MAX })),
})

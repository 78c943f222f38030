import * as check from '@devicehub/core/check'

const { duration, either, flag, integer, line, list, mapOf, number, optional, word } = check

/** Rules that several functions share. Each function's own rules are beside its options type. */

export const port = integer({ min: 1, max: 65_535 })

export const count = integer({ min: 0, max: 2 ** 40 })

export const timeLimit = optional(duration({ max: '1h' }))
/** Between two attempts; 20 is 20 ms that were forgotten. */
export const shortPause = optional(duration({ max: '10s' }))

/** Lines of a configuration file; an empty line separates others. */
export const configLines = optional(list(either(line(10_000), word(''))))

/** Server settings by name: their names go into a command line or a file. */
export const settings = optional(
  mapOf(either(line(10_000), either(number(), flag)), 'an object of settings by name'),
)

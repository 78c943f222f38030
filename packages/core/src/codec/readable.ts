import type { DataRefusal } from './parse-data.js'
import { errorLine } from './text.js'

/** What a codec returns can always be read; a value that a caller brings may throw when it is. */
export function readable<Parsed>(parse: () => Parsed): Parsed | DataRefusal {
  try {
    return parse()
  } catch (cause) {
    return { code: 'invalid_shape', reason: `the payload cannot be read: ${errorLine(cause, 120)}` }
  }
}

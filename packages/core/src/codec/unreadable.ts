import type { DataRefusal } from './parse-data.js'
import { errorLine } from './text.js'

/** What a codec returns can always be read; a value that a caller brings may throw when it is. */
export const unreadable = (cause: unknown): DataRefusal => ({
  code: 'invalid_shape',
  reason: `the payload cannot be read: ${errorLine(cause, 120)}`,
})

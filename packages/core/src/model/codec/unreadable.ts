import { errorLine } from './text.js'

/** What a codec returns can always be read; a value that a caller brings may throw when it is. */
export const unreadable = (cause: unknown): DataRefusal => ({
  code: 'invalid_shape',
  reason: `the payload cannot be read: ${errorLine(cause, 120)}`,
})

/** `'code' in result` tells it apart. */
export interface DataRefusal {
  /** For the audit row. */
  readonly code: 'invalid_shape' | 'no_samples' | 'too_many_samples'
  /** What is wrong with the payload, in a sentence. */
  readonly reason: string
}

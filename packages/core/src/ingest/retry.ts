import type { Logger } from '../ports/logger.js'
import { sleep } from '../timing/sleep.js'

export interface RetryOptions {
  /** Milliseconds between two tries: doubles from the first to the second, with jitter. */
  readonly delay: { readonly min: number; readonly max: number }
  /** Aborted when the hub gives up waiting. */
  readonly signal: AbortSignal
  readonly logger: Logger
  readonly onRetry: (error: unknown) => void
}

/** Tries until it works, fails for a reason that trying again does not mend, or the signal is aborted. */
export type Retry = <T>(attempt: () => Promise<T>, isFinal: (error: unknown) => boolean) => Promise<T>

export function createRetry(options: RetryOptions): Retry {
  return async (attempt, isFinal) => {
    for (let delay = options.delay.min; ; delay = Math.min(delay * 2, options.delay.max)) {
      options.signal.throwIfAborted()
      try {
        return await attempt()
      } catch (error) {
        if (isFinal(error)) throw error
        options.onRetry(error)
        options.logger.error(
          { err: error, retryInMs: delay },
          'storage failed; nothing is acknowledged until it works again',
        )
        await sleep(delay * (0.5 + Math.random() / 2), options.signal)
      }
    }
  }
}

export interface BackoffOptions {
  /** Milliseconds before the first retry. Default 1,000. */
  readonly min?: number | undefined
  /** Milliseconds no delay exceeds; at least `min`. Default 60,000. */
  readonly max?: number | undefined
  /** By how much each delay exceeds the one before. Default 2. */
  readonly factor?: number | undefined
  /**
   * The share of a delay that is left to chance, 0 to 1: at 0.5 a delay of 8 s becomes 4 to 8 s. Default 0.5.
   * Without it, thousands of devices that lost one broker come back in the same second.
   */
  readonly jitter?: number | undefined
  /** 0 to below 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** Delays between attempts, growing and jittered. It keeps count only; whoever uses it waits. */
export interface Backoff {
  /** Milliseconds to wait before the next attempt. */
  next(): number
  /** After a success: the next delay is the shortest again. */
  reset(): void
  /** Delays given since the last reset. */
  readonly attempts: number
}

export function createBackoff({
  min = 1000,
  max = 60_000,
  factor = 2,
  jitter = 0.5,
  random = Math.random,
}: BackoffOptions = {}): Backoff {
  let attempts = 0
  return {
    next() {
      // The power overflows to Infinity after a thousand attempts, and the minimum still holds.
      const delay = Math.min(max, min * factor ** attempts++)
      return Math.round(delay * (1 - jitter * random()))
    },
    reset() {
      attempts = 0
    },
    get attempts() {
      return attempts
    },
  }
}

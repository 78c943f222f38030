import { startTimer } from './start-timer.js'

/** Resolves after the time or when the signal is aborted, whichever comes first. It never rejects. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const stop = startTimer(milliseconds, done)
    function done(): void {
      stop()
      // The signal may outlive many waits.
      signal?.removeEventListener('abort', done)
      resolve()
    }
    signal?.addEventListener('abort', done)
  })
}

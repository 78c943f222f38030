import { startTimer } from './start-timer.js'

/** Waits that somebody can cut short. */
export interface Waker {
  /** Resolves after `milliseconds` or with the next `wake()`; at once when there was one since the last wait. */
  wait(milliseconds: number): Promise<void>
  wake(): void
}

export function createWaker(): Waker {
  let rung = false
  let end: (() => void) | null = null
  return {
    wake() {
      rung = true
      end?.()
    },
    wait: (milliseconds) =>
      new Promise((resolve) => {
        const stop = startTimer(milliseconds, done)
        function done(): void {
          stop()
          rung = false
          end = null
          resolve()
        }
        end = done
        if (rung) done()
      }),
  }
}

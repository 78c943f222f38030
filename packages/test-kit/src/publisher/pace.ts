import { setTimeout as sleep } from 'node:timers/promises'

/** Spreads messages evenly over time. */
export interface Pace {
  /** Whether the next message may be sent now. */
  isDue(): boolean
  /** Waits until it may. */
  wait(): Promise<void>
  /** Called once for each message sent. */
  count(): void
}

/** `rate`: messages per second; undefined: no message waits. */
export function createPace(rate: number | undefined): Pace {
  const started = performance.now()
  let sent = 0
  /** Milliseconds until the next message is due; 0 or below: now. */
  const early = () => (rate === undefined ? 0 : (sent / rate) * 1000 - (performance.now() - started))
  return {
    isDue: () => early() <= 0,
    async wait() {
      const delay = early()
      if (delay > 0) await sleep(delay)
    },
    count() {
      sent++
    },
  }
}

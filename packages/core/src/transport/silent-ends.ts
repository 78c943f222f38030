import { accept, duration, flag, options, trusting } from '../model/check/index.js'
import type { Duration } from '../model/duration.js'

/**
 * Recognises two clients of one client id where the broker does not say so: MQTT 3.1.1 has no reason codes, and Mosquitto
 * 2.0 sends none to a kept session. Each connects at its first attempt, and is thrown out when the other one does. A
 * broker that restarts, or a network that is away, lets an attempt fail in between or ends a connection with an error.
 */
export interface SilentEnds {
  /**
   * A connection that was ready has ended. Resolves to how many were thrown out in a row, this one included, once they are
   * enough to say so; else 0.
   */
  ended(end: { readonly withoutReason: boolean; readonly lasted: Duration }): number
  /** An attempt to connect has failed. */
  failed(): void
}

const ENOUGH = 3
/** The other one comes back after its pause, which grows up to that. */
const SHORT_MS = 60_000

const END = options<{ readonly withoutReason: boolean; readonly lasted: number }>({
  withoutReason: flag,
  lasted: duration({ max: '36500d', infinite: true }),
})

/** For one client id; it has seen no end yet. */
export function createSilentEnds(): SilentEnds {
  let inARow = 0
  return {
    ended(end) {
      const { withoutReason, lasted: lastedMs } = accept('ends.ended', 'end', END, end)
      inARow = withoutReason && lastedMs < SHORT_MS ? inARow + 1 : 0
      return inARow >= ENOUGH ? inARow : 0
    },
    failed() {
      inARow = 0
    },
  }
}

/** What an end of that kind is, for errors. */
export const presumablyTakenOver = trusting(
  'presumablyTakenOver',
  'a client id and a number',
  (clientId: string, inARow: number): string =>
    `the broker has closed the connection of client id '${clientId}' ${inARow} times in a row, soon after it was made and without a reason: probably another client connects under the same client id, and each throws the other out. Each process and each device needs a client id of its own`,
)

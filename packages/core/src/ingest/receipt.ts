import type { Clock } from '../ports/clock.js'

/** When a message came in. Times in epoch milliseconds. */
export interface Receipt {
  readonly receivedAt: number
  /** It came in just now: by the hub's clock less than a second ago. */
  readonly isRecent: boolean
  /** By it what has no time of its own is ordered: `receivedAt`; after a step back of the clock no earlier than before the step. */
  readonly orderAt: number
}

/** Milliseconds until a message is taken, in which it counts as just received. */
const RECENT = 1_000
/** Milliseconds. A clock that was further ahead gave times that cannot be true: nothing is ordered by them. */
const STEP_MAX = 3_600_000

/** Tells of the messages of a hub when they came in, as they are taken. */
export function createReceipts(clock: Clock): (receivedAt: number) => Receipt {
  /** The latest time that the clock has had. */
  let latest = 0
  return (receivedAt) => {
    const now = clock.now()
    if (now >= latest || latest - now > STEP_MAX) latest = now
    const isRecent = receivedAt > now - RECENT
    const orderAt = isRecent && now < latest ? Math.max(latest, receivedAt) : receivedAt
    return { receivedAt, isRecent, orderAt }
  }
}

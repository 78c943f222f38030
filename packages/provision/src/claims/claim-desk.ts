import type { Clock, Logger } from '@devicehub/core'
import { createAttempts } from './attempts.js'
import { type Claim, type ClaimReply, claimReply, refusal, unavailable } from './claim-reply.js'

/** How many claims may run, and be refused, before senders have to wait. */
export interface ClaimBounds {
  /**
   * Refused claims per minute of one sender: over HTTP an address (IPv6: a /64), over MQTT a client id; default 30. Beyond
   * it the answer is 429. The same number of claims of one sender may run at once.
   */
  readonly maxFailures?: number
  /** Claims that run at once; default 1,000. Beyond it the answer is 503. */
  readonly maxPending?: number
}

/** Claims since the provisioner was created. */
export interface ClaimStats {
  /** Claims that were answered with credentials. */
  readonly claimed: number
  /** Claims that were refused, malformed or incomplete. */
  readonly refused: number
  /** Claims that were not checked: too many of their sender were refused (429), or too many ran (503). */
  readonly blocked: number
  /** Claims over HTTP without an address, which no limit per sender applies to: see `claimHandler.addressOf`. */
  readonly withoutAddress: number
}

/** Answers claims over HTTP and MQTT, with the same limits, counters and log lines. */
export interface ClaimDesk {
  /** Never rejects. `sender`: refusals are counted by it; null: not counted. */
  answer(sender: string | null, text: string): Promise<ClaimReply>
  /** Counts a claim that could not be read. */
  unreadable(sender: string | null): void
  stats(): ClaimStats
}

export interface ClaimDeskContext {
  readonly claim: Claim
  readonly clock: Clock
  readonly logger: Logger
}

/** Senders whose failures are remembered: a few megabytes. */
const SENDERS = 20_000
/** Claims that wait for others of their sender, and for how many milliseconds. */
const WAITING_MAX = 10_000
const PATIENCE = 10_000

export function createClaimDesk(
  { claim, clock, logger }: ClaimDeskContext,
  { maxFailures = 30, maxPending = 1_000 }: ClaimBounds,
): ClaimDesk {
  const attempts = createAttempts({
    clock,
    perMinute: maxFailures,
    max: SENDERS,
    maxQueued: WAITING_MAX,
    patience: PATIENCE,
  })
  const reply = claimReply(claim, { clock, logger })
  const counts = { claimed: 0, refused: 0, blocked: 0, withoutAddress: 0 }
  let pending = 0

  async function decide(text: string): Promise<ClaimReply> {
    if (pending >= maxPending) return block(unavailable())
    pending++
    try {
      const answer = await reply(text)
      if (answer.status === 200) counts.claimed++
      if (isRefused(answer)) counts.refused++
      return answer
    } finally {
      pending--
    }
  }

  function block(answer: ClaimReply): ClaimReply {
    counts.blocked++
    return answer
  }

  return {
    async answer(sender, text) {
      if (sender === null) {
        counts.withoutAddress++
        return decide(text)
      }
      const leave = await attempts.begin(sender)
      if (typeof leave !== 'function')
        return block(leave.blocked === 'failures' ? tooManyFailures(leave.seconds) : unavailable())
      const answer = await decide(text)
      leave(isRefused(answer))
      return answer
    },
    unreadable(sender) {
      counts.refused++
      if (sender === null) counts.withoutAddress++
      else attempts.failed(sender)
    },
    stats: () => ({ ...counts }),
  }
}

const isRefused = ({ status }: ClaimReply): boolean => status >= 400 && status < 500

const tooManyFailures = (seconds: number): ClaimReply =>
  refusal(429, 'too_many_failures', `Too many claims were refused; try again in ${seconds} s`, seconds)

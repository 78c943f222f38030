import type { Clock, Logger } from '@devicehub/core'
import { createAttempts } from './attempts.js'
import { type Claim, type ClaimReply, claimReply, refusal, unavailable } from './claim-reply.js'

/** How many claims are decided, and refused, before senders have to wait. */
export interface ClaimBounds {
  /**
   * Refused claims a minute of one sender: over HTTP an address (of IPv6: one /64), over MQTT a client id; default 30. Past
   * it the answer is 429. As many of one sender are decided at once.
   */
  readonly maxFailures?: number
  /** Claims being decided at once; default 1,000. Past it the answer is 503. */
  readonly maxPending?: number
}

/** Claims since the provisioner was made. */
export interface ClaimStats {
  /** Given credentials. */
  readonly claimed: number
  /** Refused, malformed and incomplete ones. */
  readonly refused: number
  /** Not looked at, since too many of their sender were refused (429) or too many were under way (503). */
  readonly blocked: number
  /** Came over HTTP without an address, so that nothing bounds who sends them: see `claimHandler.addressOf`. */
  readonly withoutAddress: number
}

/** Where claims are answered, whichever way they come: they are bounded, counted and logged alike. */
export interface ClaimDesk {
  /** Never rejects. `sender`: whose refusals count together; null: nobody's. */
  answer(sender: string | null, text: string): Promise<ClaimReply>
  /** One of which there was nothing to look at. */
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
/** Claims that wait for others of their sender; milliseconds that they do. */
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

import { DeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { InboundMessage } from '../ports/transport.js'
import { createEnvelopeCheck } from './envelope.js'
import type { Refusal, Settle } from './ingest.js'
import type { Handled, MessagePlanner, Replay } from './plan-message.js'
import type { Envelope, TakenMessage } from './taken-message.js'
import type { TurnBudget } from './turn-budget.js'

/** Taken, or why it is no message: `invalid_options` for its caller. */
export type TakenOrNot = TakenMessage | DeviceHubError

/** The planner behind a check of the envelope: whatever comes in through here ends as a row that any storage takes. */
export interface Door {
  take(message: InboundMessage, settle: Settle, replay?: Replay): TakenOrNot
  quarantine(message: InboundMessage, settle: Settle, refusal: Refusal, handled?: Handled): TakenOrNot
  handled(message: InboundMessage, settle: Settle, handled: Handled): TakenOrNot
  /** Null for a message; never throws. */
  problem(message: InboundMessage): DeviceHubError | null
}

/** Bytes of a payload from which reading it is worth timing. */
const LARGE = 16_384

export function createDoor(planner: MessagePlanner, clock: Clock, turn: TurnBudget): Door {
  const check = createEnvelopeCheck(clock)

  const timed = (message: InboundMessage, take: () => TakenMessage): TakenMessage =>
    message.payload.byteLength > LARGE ? turn.run(take) : take()

  return {
    take(message, settle, replay) {
      const checked = check(message)
      if (checked instanceof DeviceHubError) return checked
      // Without a closure for each message.
      if (checked.message.payload.byteLength <= LARGE) return planner.plan(checked, settle, replay)
      return turn.run(() => planner.plan(checked, settle, replay))
    },
    quarantine(message, settle, refusal, handled) {
      const checked = check(message)
      if (checked instanceof DeviceHubError) return checked
      return timed(checked.message, () => planner.quarantine(checked, settle, refusal, handled))
    },
    handled(message, settle, handled) {
      const checked = check(message)
      if (checked instanceof DeviceHubError) return checked
      return timed(checked.message, () => planner.handled(checked, settle, handled))
    },
    problem(message) {
      const checked = check(message)
      return checked instanceof DeviceHubError ? checked : null
    },
  }
}

/** Bytes in the bounds of memory: a sender can make a topic long too. */
export const sizeOf = ({ payload, topic }: Envelope): number => payload.byteLength + topic.length

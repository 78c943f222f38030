import { DeviceHubError } from '../model/errors.js'
import type { MessageRef } from '../model/message.js'
import type { Clock } from '../ports/clock.js'
import type { InboundMessage } from '../ports/transport.js'
import { createEnvelopeCheck } from './envelope.js'
import type { Refusal, Settle } from './ingest.js'
import type { Handled, MessagePlanner } from './plan-message.js'
import type { PlannedMessage } from './planned-message.js'
import type { TurnBudget } from './turn-budget.js'

/** Planned, or why it is no message: `invalid_options` for its caller. */
export type Planned = PlannedMessage | DeviceHubError

/** The planner behind a check of the envelope: whatever comes in through here ends as a row that any storage takes. */
export interface Door {
  plan(message: InboundMessage, settle: Settle, replayOf?: MessageRef, isPartlyStored?: boolean): Planned
  quarantine(message: InboundMessage, settle: Settle, refusal: Refusal, handled?: Handled): Planned
  handled(message: InboundMessage, settle: Settle, handled: Handled): Planned
  /** Null for a message; never throws. */
  problem(message: InboundMessage): DeviceHubError | null
}

/** Bytes of a payload from which reading it is worth timing. */
const LARGE = 16_384

export function createDoor(planner: MessagePlanner, clock: Clock, turn: TurnBudget): Door {
  const check = createEnvelopeCheck(clock)

  function through(message: InboundMessage, plan: (checked: InboundMessage) => PlannedMessage): Planned {
    const checked = check(message)
    if (checked instanceof DeviceHubError) return checked
    const large = checked.message.payload.byteLength > LARGE
    const planned = large ? turn.run(() => plan(checked.message)) : plan(checked.message)
    if (checked.flags !== null)
      planned.flags = planned.flags === null ? checked.flags : `${planned.flags} ${checked.flags}`
    return planned
  }

  return {
    plan: (message, settle, replayOf, isPartlyStored) =>
      through(message, (checked) => planner.plan(checked, settle, replayOf, isPartlyStored)),
    quarantine: (message, settle, refusal, handled) =>
      through(message, (checked) => planner.quarantine(checked, settle, refusal, handled)),
    handled: (message, settle, handled) =>
      through(message, (checked) => planner.handled(checked, settle, handled)),
    problem(message) {
      const checked = check(message)
      return checked instanceof DeviceHubError ? checked : null
    },
  }
}

/** Bytes in the bounds of memory: a sender can make a topic long too. */
export const sizeOf = ({ payload, topic }: InboundMessage): number => payload.byteLength + topic.length

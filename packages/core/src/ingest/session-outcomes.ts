import type { Committed } from './commit-decided.js'
import type { DecidedMessage } from './decided-message.js'
import type { IngestOutcome } from './ingest.js'
import { DUPLICATE, STORED_NONE } from './outcomes.js'

interface SessionOutcome {
  readonly message: DecidedMessage
  readonly outcome: IngestOutcome
}

/** Of what brokers told of connections: an event that changed no status says what was so already, or is late. */
export function sessionOutcomes({ sessions, changes, result }: Committed): readonly SessionOutcome[] {
  if (sessions.length === 0) return []
  const effective = new Set(result.transitions.map(({ change }) => changes[change]))
  return sessions.map((message) => ({
    message,
    outcome: message.refusal ?? (effective.has(message) ? STORED_NONE : DUPLICATE),
  }))
}

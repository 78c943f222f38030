import { parseReply } from '../model/codec/parse-reply.js'
import type { Refusal } from './ingest.js'
import type { Content } from './taken-message.js'

/** What a `response` payload says of its command. Whether there is such a command is asked later, for a batch at once. */
export function planReply(value: unknown, correlationId: string | undefined): Content | Refusal {
  const reply = parseReply(value, correlationId)
  if ('code' in reply) return reply
  return { samples: [], news: null, flags: null, partial: null, reply }
}

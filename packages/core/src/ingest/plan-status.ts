import { parseStatus } from '../codec/parse-status.js'
import type { Refusal } from './ingest.js'
import type { Content } from './planned-message.js'

/** What a `status` payload says of its device. What claims to be measured in the future counts as of now. */
export function planStatus(value: unknown, receivedAt: number): Content | Refusal {
  const parsed = parseStatus(value)
  if ('code' in parsed) return parsed
  const { flags, timestamp, id: _, ...news } = parsed
  return {
    samples: [],
    news,
    at: Math.min(timestamp ?? receivedAt, receivedAt),
    flags: flags.length === 0 ? null : flags.join(' '),
    partial: null,
  }
}

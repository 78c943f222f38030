import { toLine } from '../model/codec/text.js'
import type { Refusal } from './ingest.js'

/** Characters of a reason: what is declared is named in it, and only parts of what was sent. */
const REASON_MAX = 2_000

/** Why a message is not processed, and whether it may be right. */
export interface MessageRefusal extends Refusal {
  readonly status: 'rejected' | 'quarantined'
}

/** What reasons quote comes from devices: in the row, in logs and in answers alike it is a line of bounded length. */
export const refusalOf = (status: MessageRefusal['status'], { code, reason }: Refusal): MessageRefusal => ({
  status,
  code,
  reason: reasonLine(reason),
})

export const reasonLine = (reason: string): string => toLine(reason, REASON_MAX)

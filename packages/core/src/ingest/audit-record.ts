import type { CommitEntry, CommitResult } from '../ports/commit.js'
import type { MessageRecord } from '../ports/signals.js'
import { ID_REUSED, withFlag, withReportOutcome } from '../storage/record-outcome.js'

/** The audit row of an entry of a batch, as it was committed. */
export function auditRecord(
  { type, message, report }: CommitEntry,
  { messageIds, reports, reusedIds }: CommitResult,
  index: number,
): MessageRecord {
  const reported = report && reports?.get(index)
  const flagged = reusedIds?.has(index) ? { ...message, flags: withFlag(message.flags, ID_REUSED) } : message
  const written =
    reported === undefined ? flagged : withReportOutcome(flagged, Object.keys(report?.values ?? {}), reported)
  return { id: messageIds?.[index] ?? null, typeKey: type?.key ?? null, ...written }
}

import type { CommitEntry, CommitResult } from '../ports/commit.js'
import type { MessageRecord } from '../ports/signals.js'
import { withReportOutcome } from '../storage/record-outcome.js'

/** The audit row of an entry of a batch, as it was committed. */
export function auditRecord(
  { type, message, report }: CommitEntry,
  { messageIds, reports }: CommitResult,
  index: number,
): MessageRecord {
  const reported = report && reports?.get(index)
  const written =
    reported === undefined ? message : withReportOutcome(message, Object.keys(report?.values ?? {}), reported)
  return { id: messageIds?.[index] ?? null, typeKey: type?.key ?? null, ...written }
}

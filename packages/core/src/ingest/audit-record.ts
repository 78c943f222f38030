import type { MessageRecord } from '../model/message.js'
import type { CommitEntry, CommitResult } from '../ports/commit.js'
import { withReportOutcome } from '../rules/record-outcome.js'
import { withSampleOutcomes } from '../rules/sample-outcomes.js'

/** The audit row of an entry of a batch, as it was committed. */
export function auditRecord(
  { type, message, samples, report }: CommitEntry,
  { messageIds, reports, duplicateSamples, reusedIds }: CommitResult,
  index: number,
): MessageRecord {
  const reported = report && reports?.get(index)
  const outcomes = { duplicates: duplicateSamples?.get(index), reused: reusedIds?.get(index) }
  const settled = withSampleOutcomes(message, samples, outcomes)
  const written =
    reported === undefined ? settled : withReportOutcome(settled, Object.keys(report?.values ?? {}), reported)
  return {
    id: messageIds?.[index] ?? null,
    typeKey: type?.key ?? null,
    ...written,
    receivedAt: new Date(written.receivedAt),
    processedAt: new Date(written.processedAt),
  }
}

import type { ReportedState, ReportMark, StateReport } from '../ports/twins.js'
import { isDatedBack } from './dated-back.js'

/** What a report makes of the reported state. */
export interface AppliedReport {
  /** Fields whose value is newer than what is known. */
  readonly applied: readonly string[]
  /** `current` with what was taken. */
  readonly next: ReportedState
}

/**
 * One report, shared by every storage (invariant 4): field by field, what the device dates before its last report of a
 * field, or reports under an older desired version, changes nothing. Where one of two reports has no time of the device,
 * the order of arrival counts: what came in just now is the later one, whatever the hub's clock said before.
 */
export function applyReport(current: ReportedState, report: StateReport): AppliedReport {
  const { at, claimedAt = null } = report
  const mark: ReportMark = { at, version: report.version ?? 0, ...(claimedAt !== null && { claimedAt }) }
  const applied = Object.keys(report.values).filter((name) =>
    isNewer(mark, report, Object.hasOwn(current.reportedAt, name) ? current.reportedAt[name] : undefined),
  )
  const reportedAt = { ...current.reportedAt }
  for (const name of applied)
    reportedAt[name] = {
      ...mark,
      version: Math.max(mark.version, current.reportedAt[name]?.version ?? 0),
    }
  const reportedVersion =
    report.version === null ? current.reportedVersion : Math.max(report.version, current.reportedVersion ?? 0)
  return { applied, next: { reportedAt, reportedVersion } }
}

/** A report that names no version is ordered by time alone. */
function isNewer(
  mark: ReportMark,
  { version, isLive = false }: StateReport,
  last: ReportMark | undefined,
): boolean {
  if (last === undefined) return true
  if (version !== null && version !== last.version) return version > last.version
  const { at, claimedAt } = mark
  if (claimedAt !== undefined && last.claimedAt !== undefined)
    return !isDatedBack({ claimedAt, at, isLive }, last.claimedAt)
  return isLive || at >= last.at
}

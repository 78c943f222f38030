import type { NewMessage } from '@devicehub/core/definition'
import {
  type CommandOutcome,
  type CommitBatch,
  type CommitEntry,
  type CommitResult,
  type ReportOutcome,
  withCommandOutcome,
  withReportOutcome,
} from '@devicehub/core/storage'

export interface SettledBatch {
  /** What is to be written: the rows of its messages say what became of their commands and reports. */
  readonly batch: CommitBatch
  /** Of the whole batch, of what was written of it. */
  resultOf(written: CommitResult): CommitResult
}

/** A batch, once it is known what becomes of its commands and reports. By entry. */
export function settleBatch(
  batch: CommitBatch,
  commands: ReadonlyMap<number, CommandOutcome>,
  reports: ReadonlyMap<number, ReportOutcome>,
): SettledBatch {
  const kept: number[] = []
  const entries = batch.entries.flatMap((entry, index): CommitEntry[] => {
    const message = messageOf(entry, commands.get(index), reports.get(index))
    if (message === null) return []
    kept.push(index)
    return [message === entry.message ? entry : { ...entry, message }]
  })
  return {
    batch: { ...batch, entries },
    resultOf: (written) => ({
      ...written,
      ...atTheirPlaces(written, kept, batch.entries.length),
      commands: commands.size > 0 ? commands : null,
      reports: reports.size > 0 ? reports : null,
    }),
  }
}

function messageOf(
  { message, command, report }: CommitEntry,
  outcome: CommandOutcome | undefined,
  reported: ReportOutcome | undefined,
): NewMessage | null {
  if (command && outcome) return withCommandOutcome(message, command.reply, outcome)
  if (report && reported) return withReportOutcome(message, Object.keys(report.values), reported)
  return message
}

/** What was found of entries of which some were left out, by their places in the whole batch. */
function atTheirPlaces(
  { duplicates, duplicateSamples, reusedIds, messageIds }: CommitResult,
  kept: readonly number[],
  count: number,
): Pick<CommitResult, 'duplicates' | 'duplicateSamples' | 'reusedIds' | 'messageIds'> {
  const moved = <T>(found: ReadonlyMap<number, T> | null) =>
    found && new Map([...found].map(([index, value]) => [kept[index] ?? index, value]))
  return {
    duplicates: duplicates && spread(duplicates, kept, count).map((found) => found ?? 0),
    duplicateSamples: moved(duplicateSamples),
    reusedIds: moved(reusedIds),
    ...(messageIds && { messageIds: spread(messageIds, kept, count) }),
  }
}

function spread<T>(values: readonly (T | null)[], places: readonly number[], count: number): (T | null)[] {
  const all = new Array<T | null>(count).fill(null)
  places.forEach((place, index) => {
    all[place] = values[index] ?? null
  })
  return all
}

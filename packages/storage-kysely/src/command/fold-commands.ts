import {
  applyCommandChange,
  type CommandOutcome,
  type CommandProgress,
  type CommandRecord,
  type CommitEntry,
} from '@devicehub/core/storage'

/** A command while the entries of a batch are folded into it. */
export interface OpenCommand {
  readonly record: CommandRecord
  progress: CommandProgress
  /** Milliseconds from now; undefined: as it was. */
  dueIn: number | undefined
  changed: boolean
}

export const openCommand = (record: CommandRecord): OpenCommand => ({
  record,
  progress: record,
  dueIn: undefined,
  changed: false,
})

/** Folds what the entries of a batch say of commands into these, in order. By entry. */
export function foldCommands(
  entries: readonly CommitEntry[],
  open: ReadonlyMap<string, OpenCommand>,
): Map<number, CommandOutcome> {
  const outcomes = new Map<number, CommandOutcome>()
  entries.forEach(({ command, type, message }, index) => {
    if (!command) return
    const found = open.get(command.id)
    if (!found || found.record.typeKey !== type?.key || found.record.deviceId !== message.deviceId) {
      outcomes.set(index, { applied: false, record: null, flag: 'unknown_command' })
      return
    }
    const { next, applied, flag, reschedule } = applyCommandChange(found.progress, command)
    found.progress = next
    found.changed ||= applied
    if (reschedule) found.dueIn = command.dueIn ?? 0
    outcomes.set(index, { applied, record: { ...found.record, ...next }, flag })
  })
  return outcomes
}

import {
  type CommandOutcome,
  type CommandProgress,
  type CommandRecord,
  type CommitEntry,
  isFinal,
  type NewCommand,
  newCommandRecord,
} from '@devicehub/core/storage'
import { foldCommands, openCommand } from './fold-commands.js'

/**
 * A change of a command's row that is worked out before the row is looked at. It holds only while the row is as it was
 * known: every change of a command changes its state or its number of publications.
 */
export interface CommandStep {
  readonly id: string
  readonly from: Pick<CommandProgress, 'state' | 'attempts'>
  readonly to: CommandProgress
  /** Milliseconds from now until it is looked at again; null: as it was. */
  readonly dueIn: number | null
}

export interface ForeseenCommands {
  /** By entry. */
  readonly outcomes: ReadonlyMap<number, CommandOutcome>
  readonly steps: readonly CommandStep[]
}

/** Commands as this process has seen them last: where their rows still are so, a commit need not read them first. */
export interface RecentCommands {
  add(records: readonly CommandRecord[]): void
  /** What a commit of these entries makes of their commands; null when one of them is not known here. */
  foresee(entries: readonly CommitEntry[]): ForeseenCommands | null
  /** A commit of these entries has made this of their commands. */
  settle(outcomes: ReadonlyMap<number, CommandOutcome>): void
  /** Some of the commands of these entries are not as they were known. */
  forget(entries: readonly CommitEntry[]): void
}

const COMMANDS_MAX = 5_000
/** Characters of the payloads of all of them. */
const PAYLOADS_MAX = 8 << 20

export function createRecentCommands(): RecentCommands {
  /** The one that was heard of longest ago first. */
  const known = new Map<string, CommandRecord>()
  let payloads = 0
  const sizeOf = ({ payload }: CommandRecord) => payload?.length ?? 0

  function remove(id: string): void {
    const record = known.get(id)
    if (record === undefined) return
    known.delete(id)
    payloads -= sizeOf(record)
  }

  function put(record: CommandRecord): void {
    remove(record.id)
    if (isFinal(record.state)) return
    known.set(record.id, record)
    payloads += sizeOf(record)
    if (known.size > COMMANDS_MAX || payloads > PAYLOADS_MAX) removeOldest()
  }

  function removeOldest(): void {
    for (const id of known.keys()) {
      if (known.size <= COMMANDS_MAX && payloads <= PAYLOADS_MAX) return
      remove(id)
    }
  }

  return {
    add: (records) => records.forEach(put),
    foresee(entries) {
      const open = new Map<string, ReturnType<typeof openCommand>>()
      for (const { command } of entries) {
        if (!command || open.has(command.id)) continue
        const record = known.get(command.id)
        if (record === undefined) return null
        open.set(command.id, openCommand(record))
      }
      const outcomes = foldCommands(entries, open)
      const steps = [...open.values()].map(
        ({ record, progress, dueIn = null }): CommandStep => ({
          id: record.id,
          from: record,
          to: progress,
          dueIn,
        }),
      )
      return { outcomes, steps }
    },
    settle(outcomes) {
      for (const { record } of outcomes.values()) if (record !== null) put(record)
    },
    forget(entries) {
      for (const { command } of entries) if (command) remove(command.id)
    },
  }
}

/** What is known of a command that was just written: when it expires, its database decides by a clock of its own. */
export const newRecord = (command: NewCommand): CommandRecord =>
  newCommandRecord(command, command.createdAt + command.expiresIn)

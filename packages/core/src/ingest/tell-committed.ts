import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { CommandOutcome } from '../ports/commands.js'
import type { CommitEntry, CommitResult } from '../ports/storage.js'
import { isReachable } from '../rules/states.js'
import type { Announcer } from './announce.js'
import { auditRecord } from './audit-record.js'
import type { Committed } from './commit-decided.js'
import type { DecidedMessage } from './decided-message.js'
import type { DeviceDirectory } from './device-directory.js'
import type { TakenMessage } from './taken-message.js'

export interface TellerOptions {
  readonly directory: DeviceDirectory
  readonly announcer: Announcer
  readonly logRefusal: (message: DecidedMessage) => void
  readonly logReusedIds: (message: TakenMessage, reused: readonly number[]) => void
  readonly logDuplicates: (message: TakenMessage, duplicates: readonly number[]) => void
  readonly onCommand: (outcome: CommandOutcome) => void
  readonly onReachable: () => void
  /** Calls and contains what is thrown. */
  readonly guard: (call: () => void) => void
}

/** Tells what was committed: the directory first, then logs, signals and hooks, who show the device as the directory has it. */
export function createTeller(options: TellerOptions): (committed: Committed) => void {
  const { directory, announcer, guard } = options

  /** What is known of a device from now on is what its row says, whoever wrote it. */
  function takeOver(changes: readonly DecidedMessage[], devices: CommitResult['devices']): void {
    for (const { type, live, change } of devices) {
      const { known } = changes[change] as DecidedMessage
      if (known !== null) directory.settle(type, known, live)
    }
  }

  /** Asked once a type: mostly nobody listens, and then there is nothing to do for each message. */
  function whoHears(): (type: AnyDeviceType | null) => boolean {
    const known = new Map<AnyDeviceType | null, boolean>()
    return (type) => {
      const before = known.get(type)
      if (before !== undefined) return before
      let hears = false
      guard(() => (hears = announcer.hearsData(type)))
      known.set(type, hears)
      return hears
    }
  }

  return ({ batch, entries, changes, result }) => {
    const { transitions, commands, reports, duplicateSamples, reusedIds } = result
    takeOver(changes, result.devices)
    const rowOf = (index: number) => auditRecord(batch.entries[index] as CommitEntry, result, index)
    const hearing = whoHears()
    entries.forEach((message, index) => {
      const { type, content } = message.taken
      if (message.refusal !== null) guard(() => options.logRefusal(message))
      else if (content.samples.length > 0 && hearing(type))
        guard(() =>
          announcer.data(
            message,
            { duplicates: duplicateSamples?.get(index), reused: reusedIds?.get(index) },
            () => rowOf(index),
          ),
        )
    })
    const entry = (index: number) => entries[index] as DecidedMessage
    for (const [index, duplicates] of duplicateSamples ?? [])
      guard(() => options.logDuplicates(entry(index).taken, duplicates))
    for (const [index, reused] of reusedIds ?? [])
      guard(() => options.logReusedIds(entry(index).taken, reused))
    for (const [index, outcome] of commands ?? []) {
      guard(() => options.onCommand(outcome))
      guard(() => announcer.command(entry(index), outcome))
    }
    for (const [index, outcome] of reports ?? [])
      guard(() => announcer.report(entry(index), outcome, () => rowOf(index)))
    for (const transition of transitions) {
      const { known, taken } = changes[transition.change] as DecidedMessage
      if (known !== null) guard(() => announcer.transition(transition, known, taken.own?.session?.reason))
    }
    if (transitions.some(({ from, to }) => isReachable(to) && !isReachable(from))) guard(options.onReachable)
  }
}

import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { CommandOutcome } from '../ports/commands.js'
import type { CommitBatch, CommitEntry, CommitResult } from '../ports/storage.js'
import { isReachable } from '../rules/states.js'
import type { Announcer } from './announce.js'
import { auditRecord } from './audit-record.js'
import type { DeviceDirectory, KnownDevice } from './device-directory.js'
import type { PlannedMessage } from './planned-message.js'
import { deviceName, type SessionEventOutcome, toldTransitions } from './session-events.js'

export interface TellerOptions {
  readonly directory: DeviceDirectory
  readonly announcer: Announcer
  readonly logRefusal: (message: PlannedMessage) => void
  readonly logReusedIds: (message: PlannedMessage, reused: readonly number[]) => void
  readonly logDuplicates: (message: PlannedMessage, duplicates: readonly number[]) => void
  readonly onCommand: (outcome: CommandOutcome) => void
  readonly onReachable: () => void
  /** Calls and contains what is thrown. */
  readonly guard: (call: () => void) => void
}

export interface Committed {
  readonly planned: readonly PlannedMessage[]
  /** Those of them that made an entry of the batch, in its order. */
  readonly entries: readonly PlannedMessage[]
  readonly events: readonly SessionEventOutcome[]
  readonly batch: CommitBatch
  readonly result: CommitResult
}

/** Tells what was committed: the directory first, then logs, signals and hooks, who show the device as the directory has it. */
export function createTeller(options: TellerOptions): (committed: Committed) => void {
  const { directory, announcer, guard } = options

  /** What is known of a device from now on is what its row says, whoever wrote it. */
  function takeOver(planned: readonly PlannedMessage[], devices: CommitResult['devices']): void {
    if (devices.length === 0) return
    const live = new Map(devices.map((device) => [deviceName(device), device.live]))
    const done = new Set<KnownDevice>()
    for (const { type, known, deviceId } of planned) {
      if (type === null || known === null || done.has(known)) continue
      const row = live.get(deviceName({ type, deviceId }))
      if (row !== undefined) directory.settle(type, known, row)
      done.add(known)
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

  return ({ planned, entries, events, batch, result }) => {
    const { transitions, commands, reports, duplicateSamples, reusedIds } = result
    takeOver(planned, result.devices)
    const rowOf = (index: number) => auditRecord(batch.entries[index] as CommitEntry, result, index)
    const hearing = whoHears()
    entries.forEach((message, index) => {
      if (message.refusal !== null) guard(() => options.logRefusal(message))
      else if (message.samples.length > 0 && hearing(message.type))
        guard(() =>
          announcer.data(
            message,
            { duplicates: duplicateSamples?.get(index), reused: reusedIds?.get(index) },
            () => rowOf(index),
          ),
        )
    })
    for (const [index, duplicates] of duplicateSamples ?? [])
      guard(() => options.logDuplicates(entries[index] as PlannedMessage, duplicates))
    for (const [index, reused] of reusedIds ?? [])
      guard(() => options.logReusedIds(entries[index] as PlannedMessage, reused))
    for (const [index, outcome] of commands ?? []) {
      guard(() => options.onCommand(outcome))
      guard(() => announcer.command(entries[index] as PlannedMessage, outcome))
    }
    for (const [index, outcome] of reports ?? [])
      guard(() => announcer.report(entries[index] as PlannedMessage, outcome, () => rowOf(index)))
    for (const { transition, known, reason } of toldTransitions(planned, events, transitions))
      guard(() => announcer.transition(transition, known, reason))
    if (transitions.some(({ from, to }) => isReachable(to) && !isReachable(from))) guard(options.onReachable)
  }
}

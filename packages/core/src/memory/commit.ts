import { DeviceHubError } from '../model/errors.js'
import type { NewMessage } from '../model/message.js'
import type { CommandOutcome } from '../ports/commands.js'
import type {
  CommitBatch,
  CommitEntry,
  CommitResult,
  CommittedDevice,
  DeviceChange,
  DeviceTouch,
  LiveState,
  StatusTransition,
} from '../ports/storage.js'
import type { ReportOutcome } from '../ports/twins.js'
import { applyDeviceChange } from '../rules/apply-device-change.js'
import { withCommandOutcome, withReportOutcome } from '../rules/record-outcome.js'
import { isReplayable } from '../rules/replayable.js'
import { withSampleOutcomes } from '../rules/sample-outcomes.js'
import { isReachable } from '../rules/states.js'
import { notReplayable } from '../rules/storage-errors.js'
import { checkValues } from './accepted.js'
import type { MemoryDatabase } from './database.js'
import { findMessage } from './messages.js'
import type { Session } from './session.js'
import type { DeviceRow, MessageRow } from './tables.js'

/** All or nothing: everything that can be refused is looked at before the first row is written. */
export function commit(database: MemoryDatabase, session: Session, batch: CommitBatch): CommitResult {
  database.leases.check(batch.fences ?? [])
  const replayed = check(session, batch)
  for (const row of replayed) row.message = { ...row.message, status: 'replayed' }

  const counts: number[] = []
  const duplicateSamples = new Map<number, readonly number[]>()
  const reusedIds = new Map<number, readonly number[]>()
  const commands = new Map<number, CommandOutcome>()
  const reports = new Map<number, ReportOutcome>()
  const messageIds: (string | null)[] = []
  batch.entries.forEach((entry, index) => {
    const message = settle(database, session, entry, index, commands, reports)
    const { duplicates, reused, id } = message === null ? NO_ROW : write(session, entry, message)
    messageIds.push(id)
    counts.push(duplicates.length)
    if (duplicates.length > 0) duplicateSamples.set(index, duplicates)
    if (reused.length > 0) reusedIds.set(index, reused)
  })
  for (const touch of batch.touches) applyTouch(session, touch)
  const transitions = batch.changes.flatMap((change) => applyChange(database, session, change))
  database.dropOverflow()

  const any = duplicateSamples.size > 0
  return {
    duplicates: any ? counts : null,
    duplicateSamples: any ? duplicateSamples : null,
    reusedIds: reusedIds.size > 0 ? reusedIds : null,
    transitions,
    devices: committedDevices(session, batch.changes),
    ...(batch.wantsIds && { messageIds }),
    commands: commands.size > 0 ? commands : null,
    reports: reports.size > 0 ? reports : null,
  }
}

/** What the entry does to a command and a twin; the message as it is to be written, null for none. */
function settle(
  database: MemoryDatabase,
  session: Session,
  { type, message, command, report, desired }: CommitEntry,
  index: number,
  commands: Map<number, CommandOutcome>,
  reports: Map<number, ReportOutcome>,
): NewMessage | null {
  const { deviceId } = message
  if (type === null || deviceId === null) return message
  if (desired) database.twins.published(type.key, deviceId, desired)
  if (report) {
    const outcome = database.twins.report(session, type, deviceId, report)
    if (outcome === undefined) return message
    reports.set(index, outcome)
    return withReportOutcome(message, Object.keys(report.values), outcome)
  }
  if (!command) return message
  const outcome = database.commands.change(type.key, deviceId, command)
  commands.set(index, outcome)
  return withCommandOutcome(message, command.reply, outcome)
}

function check(session: Session, batch: CommitBatch): ReadonlySet<MessageRow> {
  const replayed = new Set<MessageRow>()
  for (const { type, samples, replayOf } of batch.entries) {
    session.messagesOf(type)
    if (samples.length > 0 && !type)
      throw new DeviceHubError('storage_failed', 'A message of no known type cannot carry samples.')
    for (const sample of type ? samples : [])
      checkValues(
        `A sample of ${sample.deviceId}`,
        type?.readings ?? {},
        type?.readingNames ?? [],
        sample.values,
      )
    if (!replayOf) continue
    const row = session.knows(replayOf.typeKey) ? findMessage(session, replayOf) : null
    if (!row || replayed.has(row) || !isReplayable(row.message)) throw notReplayable(replayOf)
    replayed.add(row)
  }
  for (const { type } of [...batch.touches, ...batch.changes]) session.tableOf(type)
  return replayed
}

const NO_ROW: Written = { duplicates: [], reused: [], id: null }

interface Written {
  /** The indexes of the samples that were stored before. */
  readonly duplicates: readonly number[]
  /** Of those whose id was known with other content. */
  readonly reused: readonly number[]
  /** Of the audit row. */
  readonly id: string | null
}

function write(
  { telemetry, messagesOf, tableOf }: Session,
  { type, samples }: CommitEntry,
  message: NewMessage,
): Written {
  const duplicates: number[] = []
  const reused: number[] = []
  if (type) {
    const table = tableOf(type)
    samples.forEach((sample, index) => {
      const what = telemetry.addSample(table, type.readingNames, sample)
      if (what !== 'stored') (what === 'reused' ? reused : duplicates).push(index)
    })
  }
  const written = withSampleOutcomes(message, samples, { duplicates, reused })
  const id = telemetry.addMessage(messagesOf(type), { ...written, typeKey: type?.key ?? null })
  return { duplicates, reused, id }
}

function committedDevices({ tableOf }: Session, changes: readonly DeviceChange[]): CommittedDevice[] {
  const devices = new Map<DeviceRow, CommittedDevice>()
  for (const { type, deviceId } of changes) {
    const row = tableOf(type).devices.get(deviceId)
    if (row) devices.set(row, { type, deviceId, live: liveOf(row) })
  }
  return [...devices.values()]
}

function liveOf({ record }: DeviceRow): LiveState {
  const { status, statusAt, statusClaimedAt, batteryLevel, firmwareVersion, lastSeen, sessionAt } = record
  return { status, statusAt, statusClaimedAt, batteryLevel, firmwareVersion, lastSeen, sessionAt }
}

function applyTouch({ tableOf }: Session, { type, deviceId, lastSeen }: DeviceTouch): void {
  const row = tableOf(type).devices.get(deviceId)
  if (row) row.record = { ...row.record, lastSeen: Math.max(row.record.lastSeen ?? lastSeen, lastSeen) }
}

function applyChange(database: MemoryDatabase, session: Session, change: DeviceChange): StatusTransition[] {
  const { tableOf, telemetry, messagesOf } = session
  const { type, deviceId, at, audit } = change
  const row = tableOf(type).devices.get(deviceId)
  if (!row) return []
  const from = row.record.status
  const next = applyDeviceChange(liveOf(row), change)
  row.record = { ...row.record, ...next }
  if (next.status === from) return []
  if (isReachable(next.status) && !isReachable(from)) database.commands.wake(type.key, new Set([deviceId]))
  if (audit) telemetry.addMessage(messagesOf(type), { ...audit, typeKey: type.key })
  return [{ type, deviceId, from, to: next.status, at }]
}

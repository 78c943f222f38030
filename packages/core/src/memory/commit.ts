import type { NewMessage } from '../model/message.js'
import type { CommandOutcome } from '../ports/commands.js'
import type { CommitBatch, CommitEntry, CommitResult } from '../ports/storage.js'
import type { ReportOutcome } from '../ports/twins.js'
import { liveStateOf } from '../rules/apply-device-change.js'
import { planCommit } from '../rules/plan-commit.js'
import { withCommandOutcome, withReportOutcome } from '../rules/record-outcome.js'
import { isReachable } from '../rules/states.js'
import type { MemoryDatabase } from './database.js'
import { findMessage } from './messages.js'
import type { OpenedMemory } from './opened-memory.js'

/** All or nothing: everything that can be refused is looked at before the first row is written. */
export function commit(database: MemoryDatabase, opened: OpenedMemory, batch: CommitBatch): CommitResult {
  const { telemetry, tableOf, messagesOf } = opened
  database.leases.check(batch.fences ?? [])
  for (const { type } of batch.entries) messagesOf(type)
  for (const { type } of [...batch.touches, ...batch.changes]) tableOf(type)

  const commands = new Map<number, CommandOutcome>()
  const reports = new Map<number, ReportOutcome>()
  const plan = planCommit(
    batch,
    {
      device(type, deviceId) {
        const row = tableOf(type).devices.get(deviceId)
        return row ? liveStateOf(row.record) : null
      },
      message: (ref) => (opened.knows(ref.typeKey) ? (findMessage(opened, ref)?.message ?? null) : null),
      identity: (type, sample) => tableOf(type).identities.find(sample),
    },
    (entry, index) => settle(database, opened, entry, index, commands, reports),
  )

  for (const ref of plan.replayed) {
    const row = findMessage(opened, ref)
    if (row) row.message = { ...row.message, status: 'replayed' }
  }
  for (const { type, sample, orderLimit } of plan.samples)
    telemetry.addSample(tableOf(type), type.readingNames, sample, orderLimit)
  const messageIds: (string | null)[] = batch.entries.map(() => null)
  for (const { type, message, entry } of plan.messages) {
    const id = telemetry.addMessage(messagesOf(type), { ...message, typeKey: type?.key ?? null })
    if (entry !== null) messageIds[entry] = id
  }
  for (const { type, deviceId, live } of plan.devices) {
    const row = tableOf(type).devices.get(deviceId)
    if (row) row.record = { ...row.record, ...live }
  }
  for (const { type, deviceId, from, to } of plan.result.transitions)
    if (isReachable(to) && !isReachable(from)) database.commands.wake(type.key, new Set([deviceId]))
  database.dropOverflow()

  return {
    ...plan.result,
    ...(batch.wantsIds && { messageIds }),
    commands: commands.size > 0 ? commands : null,
    reports: reports.size > 0 ? reports : null,
  }
}

/** What the entry does to a command and a twin; the message as it is to be written, null for none. */
function settle(
  database: MemoryDatabase,
  opened: OpenedMemory,
  { type, message, command, report, desired }: CommitEntry,
  index: number,
  commands: Map<number, CommandOutcome>,
  reports: Map<number, ReportOutcome>,
): NewMessage | null {
  const { deviceId } = message
  if (type === null || deviceId === null) return message
  if (desired) database.twins.published(type.key, deviceId, desired)
  if (report) {
    const outcome = database.twins.report(opened, type, deviceId, report)
    if (outcome === undefined) return message
    reports.set(index, outcome)
    return withReportOutcome(message, Object.keys(report.values), outcome)
  }
  if (!command) return message
  const outcome = database.commands.change(type.key, deviceId, command)
  commands.set(index, outcome)
  return withCommandOutcome(message, command.reply, outcome)
}

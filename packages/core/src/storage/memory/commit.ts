import { DeviceHubError } from '../../errors.js'
import type {
  CommitBatch,
  CommitEntry,
  CommitResult,
  DeviceChange,
  DeviceTouch,
  MessageRef,
  StatusTransition,
} from '../../ports/storage.js'
import { applyDeviceChange } from '../apply-device-change.js'
import { checkValues } from './accepted.js'
import type { MessageRow } from './database.js'
import { findMessage } from './messages.js'
import type { Session } from './session.js'

/** All or nothing: everything that can be refused is looked at before the first row is written. */
export function commit(session: Session, batch: CommitBatch): CommitResult {
  session.database.leases.check(batch.fences ?? [])
  const replayed = check(session, batch)
  for (const row of replayed) row.message = { ...row.message, status: 'replayed' }

  const counts: number[] = []
  const duplicateSamples = new Map<number, readonly number[]>()
  batch.entries.forEach((entry, index) => {
    const duplicates = write(session, entry)
    counts.push(duplicates.length)
    if (duplicates.length > 0) duplicateSamples.set(index, duplicates)
  })
  for (const touch of batch.touches) applyTouch(session, touch)
  const transitions = batch.changes.flatMap((change) => applyChange(session, change))
  session.database.dropOverflow()

  const any = duplicateSamples.size > 0
  return { duplicates: any ? counts : null, duplicateSamples: any ? duplicateSamples : null, transitions }
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
    if (!row || replayed.has(row) || !isReplayable(row)) throw notReplayable(replayOf)
    replayed.add(row)
  }
  for (const { type } of [...batch.touches, ...batch.changes]) session.tableOf(type)
  return replayed
}

const isReplayable = ({ message }: MessageRow) =>
  message.status === 'rejected' || message.status === 'quarantined'

const notReplayable = (ref: MessageRef) =>
  new DeviceHubError(
    'not_replayable',
    `Message ${ref.id} of ${ref.typeKey ?? 'no type'} cannot be replayed: it is not there, or neither rejected nor quarantined (any more).`,
    { details: { ...ref } },
  )

/** The indexes of the samples that were stored before. */
function write({ database, messagesOf, tableOf }: Session, entry: CommitEntry): number[] {
  const { type, samples, message } = entry
  const duplicates: number[] = []
  if (type) {
    const table = tableOf(type)
    samples.forEach((sample, index) => {
      if (!database.addSample(table, type.readingNames, sample)) duplicates.push(index)
    })
  }
  const status = samples.length > 0 && duplicates.length === samples.length ? 'duplicate' : message.status
  database.addMessage(messagesOf(type), { ...message, status, typeKey: type?.key ?? null })
  return duplicates
}

function applyTouch({ tableOf }: Session, { type, deviceId, lastSeen }: DeviceTouch): void {
  const row = tableOf(type).devices.get(deviceId)
  if (row) row.record = { ...row.record, lastSeen: Math.max(row.record.lastSeen ?? lastSeen, lastSeen) }
}

function applyChange(session: Session, change: DeviceChange): StatusTransition[] {
  const { tableOf, database, messagesOf } = session
  const { type, deviceId, at, audit } = change
  const row = tableOf(type).devices.get(deviceId)
  if (!row) return []
  const { status: from, statusAt, batteryLevel, firmwareVersion, lastSeen } = row.record
  const next = applyDeviceChange({ status: from, statusAt, batteryLevel, firmwareVersion, lastSeen }, change)
  row.record = { ...row.record, ...next }
  if (next.status === from) return []
  if (audit) database.addMessage(messagesOf(type), { ...audit, typeKey: type.key })
  return [{ type, deviceId, from, to: next.status, at }]
}

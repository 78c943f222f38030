import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import type { MessageRef, NewMessage } from '../model/message.js'
import type {
  CommittedDevice,
  LiveState,
  NewSample,
  TelemetryBatch,
  TelemetryEntry,
  TelemetryResult,
} from '../ports/commit.js'
import { checkValues } from './check-values.js'
import { foldChanges } from './fold-changes.js'
import { ID_REUSED, withFlag } from './record-outcome.js'
import { isReplayable } from './replayable.js'
import { createSampleIndex, judgeSample, type KnownIdentity, type SampleIndex } from './sample-index.js'
import { withSampleOutcomes } from './sample-outcomes.js'
import { notReplayable } from './storage-errors.js'

/** What is stored, as the transaction sees it that writes the batch: nobody else may change it until then. */
export interface CommitRows {
  /** What messages change of a device; null: there is none. */
  device(type: AnyDeviceType, deviceId: string): LiveState | null
  /** A message that is to be replayed; null: there is none. */
  message(ref: MessageRef): Pick<NewMessage, 'status' | 'flags'> | null
  /** What is stored of a sample's identity; `createSampleIndex` keeps it. */
  identity(type: AnyDeviceType, sample: NewSample): KnownIdentity
}

/** What has to be written for a batch, in this order. */
export interface CommitPlan {
  /** Messages whose status becomes `replayed`. */
  readonly replayed: readonly MessageRef[]
  /** Those that are new. */
  readonly samples: readonly PlannedSample[]
  /** Audit rows: one for each entry that has one (`entry` is its place), then those of status changes (`entry` null). */
  readonly messages: readonly PlannedRow[]
  /** Devices that are another by it, as they are then. */
  readonly devices: readonly CommittedDevice[]
  /** The answer, but for `messageIds`. */
  readonly result: TelemetryResult
}

/** A sample to write. */
export interface PlannedSample {
  /** Of its device. */
  readonly type: AnyDeviceType
  /** With its final flags. */
  readonly sample: NewSample
  /** Of its entry. */
  readonly orderLimit: number | undefined
}

/** An audit row to write. */
export interface PlannedRow {
  /** Null: into `devicehub_message`. */
  readonly type: AnyDeviceType | null
  /** With its final status, code and flags. */
  readonly message: NewMessage
  /** Place of its entry in the batch; null: of a status change. */
  readonly entry: number | null
}

/**
 * What a commit decides, for a storage that can look at rows while it does: which samples are new, what the audit rows
 * say, what becomes of devices. Throws `not_replayable`, or `storage_failed` for values that no column holds, before
 * anything is to be written.
 *
 * `settle` is what the control group makes of an entry's message before its row is written; null: no row. It is called in
 * order, once nothing can be refused any more.
 */
export function planCommit<Entry extends TelemetryEntry>(
  batch: Pick<TelemetryBatch, 'touches' | 'changes'> & { readonly entries: readonly Entry[] },
  rows: CommitRows,
  settle: (entry: Entry, index: number) => NewMessage | null = ({ message }) => message,
): CommitPlan {
  const replayed = checkReplays(batch.entries, rows)
  for (const entry of batch.entries) checkSamples(entry)

  const indexes = new Map<AnyDeviceType, SampleIndex>()
  const samples: PlannedSample[] = []
  const messages: PlannedRow[] = []
  const duplicateSamples = new Map<number, number[]>()
  const reusedIds = new Map<number, number[]>()

  function take({ type, sample, orderLimit }: PlannedSample, index: SampleIndex) {
    const [stored, before] = [rows.identity(type, sample), index.find(sample)]
    const id = stored.id && before.id ? either(stored.id, before.id) : (stored.id ?? before.id)
    const verdict = judgeSample(sample, { content: stored.content || before.content, id })
    if (verdict === 'duplicate') return verdict
    index.add(sample)
    const flags = verdict === 'reused' ? withFlag(sample.flags, ID_REUSED) : sample.flags
    samples.push({ type, sample: flags === sample.flags ? sample : { ...sample, flags }, orderLimit })
    return verdict
  }

  batch.entries.forEach((entry, place) => {
    const message = settle(entry, place)
    if (message === null) return
    const { type, orderLimit } = entry
    entry.samples.forEach((sample, index) => {
      if (type === null) return
      const own = indexes.get(type) ?? createSampleIndex()
      indexes.set(type, own)
      const verdict = take({ type, sample, orderLimit }, own)
      if (verdict !== 'new') push(verdict === 'duplicate' ? duplicateSamples : reusedIds, place, index)
    })
    const outcomes = { duplicates: duplicateSamples.get(place), reused: reusedIds.get(place) }
    messages.push({ type, message: withSampleOutcomes(message, entry.samples, outcomes), entry: place })
  })

  const { devices, changed, transitions, audits } = foldChanges(batch, rows.device)
  for (const { type, message } of audits) messages.push({ type, message, entry: null })
  const anyDuplicates = duplicateSamples.size > 0
  return {
    replayed,
    samples,
    messages,
    devices: devices.filter(({ isNew }) => isNew).map(committed),
    result: {
      duplicates: anyDuplicates
        ? batch.entries.map((_, place) => duplicateSamples.get(place)?.length ?? 0)
        : null,
      duplicateSamples: anyDuplicates ? duplicateSamples : null,
      reusedIds: reusedIds.size > 0 ? reusedIds : null,
      transitions,
      devices: changed,
    },
  }
}

const committed = ({ type, deviceId, live }: CommittedDevice): CommittedDevice => ({ type, deviceId, live })

function checkReplays(entries: readonly TelemetryEntry[], rows: CommitRows): MessageRef[] {
  const seen = new Set<string>()
  return entries.flatMap(({ replayOf }) => {
    if (!replayOf) return []
    const key = `${replayOf.typeKey ?? ''}/${replayOf.id}`
    const message = rows.message(replayOf)
    if (message === null || seen.has(key) || !isReplayable(message)) throw notReplayable(replayOf)
    seen.add(key)
    return [replayOf]
  })
}

function checkSamples({ type, samples }: TelemetryEntry): void {
  if (samples.length > 0 && type === null)
    throw new DeviceHubError('storage_failed', 'A message of no known type cannot carry samples.')
  for (const { deviceId, values } of type ? samples : [])
    checkValues(`A sample of ${deviceId}`, type?.readings ?? {}, type?.readingNames ?? [], values)
}

const either = (a: NonNullable<KnownIdentity['id']>, b: typeof a): typeof a => ({
  has: (hash) => a.has(hash) || b.has(hash),
})

function push(lists: Map<number, number[]>, key: number, item: number): void {
  const list = lists.get(key)
  if (list) list.push(item)
  else lists.set(key, [item])
}

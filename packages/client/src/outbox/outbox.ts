import { DeviceHubError } from '@devicehub/core/definition'
import { lockFolder } from './folder-lock.js'
import { createGroupCommit } from './group-commit.js'
import { outboxFailed, positionDamaged, sampleTooLarge } from './outbox-errors.js'
import { positionFile } from './position-file.js'
import { makePrivateFolder, takeFromOthers } from './private-files.js'
import { createProgress } from './progress.js'
import { HEADER_BYTES, type StoredRecord } from './record-format.js'
import { openSegments, type Segment } from './segment.js'
import { createSegmentLog } from './segment-log.js'
import { createSegmentReader, type ReadBounds, type StoredBatch } from './segment-reader.js'
import { createTurns } from './turns.js'

export interface OutboxStats {
  /** Samples that wait to be delivered. */
  readonly queued: number
  /** The same in bytes on disk. */
  readonly queuedBytes: number
  /** Samples that the broker confirmed. */
  readonly delivered: number
  /** Samples that were let go because the outbox was full. */
  readonly dropped: number
  /** Samples that were on disk and were lost there. */
  readonly corrupt: number
  /** Unfinished writes that were cut off after a kill or a power loss: of samples that were not confirmed. */
  readonly torn: number
  /** Samples that the broker refused for good. */
  readonly setAside: number
}

export interface OutboxOptions {
  readonly folder: string
  readonly maxBytes: number
  readonly drop: 'oldest' | 'newest'
  /** Samples that may wait for the disk. */
  readonly maxQueued: number
  readonly maxQueuedBytes: number
  /** Milliseconds between two writes of the position; default 1,000. */
  readonly positionInterval?: number | undefined
  /** What no call can report: damage that was found, samples that were dropped. */
  readonly onError: (error: DeviceHubError) => void
}

/**
 * Samples on disk until the broker has confirmed them. What `append` resolved for is there after a crash or a power
 * loss; what was delivered shortly before one is delivered again.
 */
export interface Outbox {
  /**
   * Resolves when all are on disk. Rejects with `outbox_failed` (the disk), `queue_full` (no room, and the oldest stay),
   * `invalid_payload` (larger than the whole outbox).
   */
  append(bodies: readonly Buffer[], signal?: AbortSignal): Promise<void>
  room(): Promise<void>
  /** Resolves when nothing waits for the disk. */
  flush(): Promise<void>
  /** The oldest samples that wait; the same again until they are settled. Null: none wait. */
  read(bounds: ReadBounds): Promise<StoredBatch | null>
  /** Samples of the next file: some that wait behind what `read` gives, which ends with a file. They stay where they are. */
  readBehind(bounds: ReadBounds): Promise<readonly StoredRecord[]>
  /** They are done with: delivered, or refused for good. */
  settle(batch: StoredBatch, as: 'delivered' | 'setAside'): void
  /** They were not delivered and are read again, unless their segment was dropped meanwhile. */
  giveBack(batch: StoredBatch): void
  /** Called when something was stored. */
  onStored(listener: () => void): void
  stats(): OutboxStats
  /** Writes out what waits for the disk, and the position; lets go of the folder. */
  close(): Promise<void>
}

/** In a folder of mode 0700, with files of mode 0600. `outbox_locked` when another client has the folder, `outbox_failed` when it cannot be read or written. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  const { folder } = options
  try {
    await makePrivateFolder(folder)
    const lock = await lockFolder(folder)
    try {
      await takeFromOthers(folder)
      return await start(options, lock.release)
    } catch (error) {
      await lock.release()
      throw error
    }
  } catch (error) {
    throw error instanceof DeviceHubError ? error : outboxFailed('opening', folder, error)
  }
}

async function start(options: OutboxOptions, unlock: () => Promise<void>): Promise<Outbox> {
  const { folder, maxBytes, onError } = options
  const file = positionFile(folder)
  const stored = await file.read()
  const opened = await openSegments(folder, stored)
  const { segments } = opened
  const sum = (of: (segment: Segment) => number) =>
    segments.reduce((total, segment) => total + of(segment), 0)
  let queued = sum(({ waiting }) => waiting)
  let queuedBytes = sum(({ waitingBytes }) => waitingBytes)
  const totals = { delivered: 0, dropped: 0, corrupt: 0, torn: opened.torn ? 1 : 0, setAside: 0 }
  let inFlight: StoredBatch | null = null
  let listener = () => {}
  let closed = false

  const turns = createTurns()
  const progress = createProgress({
    folder,
    file,
    position: opened.position,
    current: () => ({ end: log.next, queued }),
    onError,
  })
  const log = createSegmentLog({
    folder,
    maxBytes,
    drop: options.drop,
    segments,
    next: opened.next,
    turns,
    position: () => progress.position,
    saveProgress: progress.save,
    onDropped({ segment, before, records, bytes }) {
      // What is on its way to the broker is counted when it is known whether it arrived.
      const underWay = inFlight?.segment === segment ? below(before, inFlight.records) : []
      const count = records - underWay.length
      const size = bytes - bytesOf(underWay)
      segment.waiting -= count
      segment.waitingBytes -= size
      leave(count, size)
      progress.advance(before)
      dropped(count)
    },
    onMoved: () => reader.rewind(progress.position),
    onStored(count, bytes) {
      leave(-count, -bytes)
      listener()
    },
  })
  const reader = createSegmentReader({
    segments,
    start: opened.start,
    position: opened.position,
    async onRead(segment, { first }) {
      progress.advance(first)
      await progress.save()
      await log.remove(segment)
    },
    onDamage(segment, records, bytes) {
      segment.waiting -= records
      segment.waitingBytes -= bytes
      leave(records, bytes)
      damaged(records)
    },
  })
  const group = createGroupCommit({
    maxQueued: options.maxQueued,
    maxQueuedBytes: options.maxQueuedBytes,
    async write(bodies) {
      const results = await log.write(bodies)
      totals.dropped += results.filter(
        (error) => (error as DeviceHubError | null)?.code === 'queue_full',
      ).length
      return results
    },
  })

  async function reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await turns(read)
    } catch (error) {
      throw outboxFailed('reading', folder, error)
    }
  }

  function leave(count: number, bytes: number): void {
    queued -= count
    queuedBytes -= bytes
  }

  function dropped(count: number): void {
    totals.dropped += count
    const message = `the outbox in ${folder} is full (${maxBytes} bytes): the oldest ${count} samples were dropped`
    if (count > 0) onError(new DeviceHubError('queue_full', message, { details: { folder, dropped: count } }))
  }

  function damaged(count: number): void {
    if (count === 0) return
    totals.corrupt += count
    const message = `${count} samples that were in the outbox in ${folder} are lost, their files were damaged, cut off or deleted: is the disk worn out?`
    onError(new DeviceHubError('outbox_failed', message, { details: { folder, corrupt: count } }))
  }

  /** Nothing is lost when it fails: it is tried again, and at the next start. */
  async function keepUp(): Promise<void> {
    await progress.save()
    await log.tidy().catch(() => {})
  }

  await progress.save()
  let keeping: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    keeping = keeping.then(keepUp)
  }, options.positionInterval ?? 1000)
  timer.unref()
  if (stored.damaged) onError(positionDamaged(folder))
  damaged(opened.corrupt)

  return {
    append(bodies, signal) {
      if (closed) return Promise.reject(new DeviceHubError('closed', 'cannot record: the client was closed'))
      const largest = bodies.reduce((most, { byteLength }) => Math.max(most, byteLength), 0) + HEADER_BYTES
      if (largest > maxBytes) return Promise.reject(sampleTooLarge(largest, maxBytes))
      return bodies.length === 0 ? Promise.resolve() : group.push(bodies, signal)
    },
    room: group.room,
    flush: group.idle,
    // In its turn, so that nobody drops what was read before it is known to be under way.
    read: (bounds) =>
      reading(async () => {
        inFlight = await reader.read(bounds)
        return inFlight
      }),
    readBehind: (bounds) => reading(() => reader.readBehind(bounds)),
    settle(batch, as) {
      inFlight = null
      const { segment, records } = batch
      progress.advance((records.at(-1)?.sequence ?? 0) + 1)
      totals[as] += records.length
      segment.waiting -= records.length
      segment.waitingBytes -= batch.bytes
      leave(records.length, batch.bytes)
      reader.move(batch)
    },
    giveBack(batch) {
      inFlight = null
      const gone = below(progress.position, batch.records)
      const bytes = bytesOf(gone)
      batch.segment.waiting -= gone.length
      batch.segment.waitingBytes -= bytes
      leave(gone.length, bytes)
      dropped(gone.length)
    },
    onStored(next) {
      listener = next
    },
    stats: () => ({ queued, queuedBytes, ...totals }),
    async close() {
      closed = true
      await group.idle()
      clearInterval(timer)
      await keeping
      await reader.close()
      await log.close().catch(() => {})
      await progress.save()
      await unlock()
    },
  }
}

const below = (sequence: number, records: readonly StoredRecord[]) =>
  records.filter((record) => record.sequence < sequence)

const bytesOf = (records: readonly StoredRecord[]) =>
  records.reduce((sum, { body }) => sum + HEADER_BYTES + body.byteLength, 0)

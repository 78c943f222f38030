import { type FileHandle, open, rm } from 'node:fs/promises'
import { outboxFailed, outboxFull } from './outbox-errors.js'
import { openPrivate } from './private-files.js'
import { encodeRecord, HEADER_BYTES } from './record-format.js'
import { emptySegment, type Segment, segmentFile, syncFolder } from './segment.js'

export interface SegmentLogOptions {
  readonly folder: string
  readonly maxBytes: number
  readonly drop: 'oldest' | 'newest'
  /** Those on disk, the oldest first. */
  readonly segments: Segment[]
  /** Sequence number of the next record. */
  readonly next: number
  /** The oldest segment had to go although records in it wait. */
  readonly onDropped: (segment: Segment) => void
  /** So many records are safe on disk. */
  readonly onStored: (records: number, bytes: number) => void
}

/** The segment files: the newest is appended to, the oldest is deleted. */
export interface SegmentLog {
  readonly segments: readonly Segment[]
  /** Bytes of all segments. */
  readonly bytes: number
  readonly next: number
  /** Resolves when they are safe on disk; for each what went wrong, or null. Not to be called again before. */
  write(bodies: readonly Buffer[]): Promise<readonly (Error | null)[]>
  isNewest(segment: Segment): boolean
  /** Deletes its file. */
  remove(segment: Segment): Promise<void>
  close(): Promise<void>
}

/** A sixteenth of the whole, so that dropping the oldest costs little; 4 KiB to 4 MiB. */
const segmentSize = (maxBytes: number) =>
  Math.min(4 << 20, Math.max(4 << 10, Math.floor(maxBytes / 16)), maxBytes)

export function createSegmentLog(options: SegmentLogOptions): SegmentLog {
  const { folder, maxBytes, segments } = options
  const segmentBytes = segmentSize(maxBytes)
  let next = options.next
  let total = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  /** Of the newest segment, while it is appended to. */
  let handle: FileHandle | null = null
  /** The newest segment has a tail that could not be cut off: it is left as it is. */
  let spoiled = false

  const newest = () => segments.at(-1)

  async function retire(): Promise<void> {
    const last = handle
    handle = null
    await last?.close()
  }

  async function remove(segment: Segment): Promise<void> {
    const index = segments.indexOf(segment)
    if (index === -1) return
    const appended = segment === newest()
    segments.splice(index, 1)
    total -= segment.bytes
    if (appended) await retire()
    await rm(segment.file, { force: true })
  }

  /** False: it is full, and what waits is worth more than what comes. */
  async function makeRoom(size: number): Promise<boolean> {
    while (total + size > maxBytes) {
      const [oldest] = segments
      if (oldest === undefined) return true
      if (oldest.waiting > 0) {
        if (options.drop === 'newest') return false
        options.onDropped(oldest)
      }
      await remove(oldest)
    }
    return true
  }

  /** The segment to append to, with its file open. */
  async function prepare(): Promise<{ readonly segment: Segment; readonly file: FileHandle }> {
    const last = newest()
    if (last !== undefined && last.bytes < segmentBytes && !spoiled) {
      handle ??= await open(last.file, 'r+')
      return { segment: last, file: handle }
    }
    await retire()
    const segment = emptySegment(segmentFile(folder, next), next)
    const file = await openPrivate(segment.file, 'w+')
    try {
      await syncFolder(folder)
    } catch (error) {
      await file.close()
      throw error
    }
    segments.push(segment)
    spoiled = false
    handle = file
    return { segment, file }
  }

  async function append(records: readonly Buffer[], size: number): Promise<void> {
    const { segment, file } = await prepare()
    try {
      await writeAll(file, Buffer.concat(records, size), segment.bytes)
      await file.datasync()
    } catch (error) {
      // Nobody was told that these are stored: they go again, so that a later reader finds no half of one.
      await file.truncate(segment.bytes).catch(() => {
        spoiled = true
        next += records.length
      })
      await retire().catch(() => {})
      throw error
    }
    segment.bytes += size
    segment.last = next + records.length - 1
    segment.waiting += records.length
    segment.waitingBytes += size
    total += size
    next += records.length
    options.onStored(records.length, size)
  }

  /** From `from` on what the newest segment still takes, at least one. */
  function gather(bodies: readonly Buffer[], from: number) {
    const last = newest()
    const taken = last === undefined || last.bytes >= segmentBytes ? 0 : last.bytes
    const records: Buffer[] = []
    let size = 0
    for (const body of bodies.slice(from)) {
      if (size > 0 && taken + size + HEADER_BYTES + body.byteLength > segmentBytes) break
      const record = encodeRecord(next + records.length, body)
      records.push(record)
      size += record.byteLength
    }
    return { records, size }
  }

  return {
    segments,
    get bytes() {
      return total
    },
    get next() {
      return next
    },
    async write(bodies) {
      const results: (Error | null)[] = []
      while (results.length < bodies.length) {
        const { records, size } = gather(bodies, results.length)
        let failure: Error | null = null
        try {
          if (await makeRoom(size)) await append(records, size)
          else failure = outboxFull(folder, total, maxBytes)
        } catch (error) {
          failure = outboxFailed('writing to', folder, error)
        }
        for (const _ of records) results.push(failure)
      }
      return results
    },
    isNewest: (segment) => segment === newest(),
    remove,
    close: retire,
  }
}

export async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    // A disk that fills up takes a part first, and says so at the next call.
    const { bytesWritten } = await file.write(bytes, at, bytes.byteLength - at, position + at)
    at += bytesWritten
  }
}

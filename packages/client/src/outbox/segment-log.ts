import type { FileHandle } from 'node:fs/promises'
import { syncFolder } from '@devicehub-internal/async/files'
import { isDiskFull, outboxFailed, outboxFull } from './outbox-errors.js'
import { openPrivate, truncatePrivate } from './private-files.js'
import { encodeRecord, HEADER_BYTES } from './record-format.js'
import { emptySegment, type Segment, segmentFile } from './segment.js'
import { createSegmentSpace, type SegmentSpaceOptions } from './segment-space.js'
import { createTurns } from './turns.js'
import { writeAll } from './write-all.js'

export interface SegmentLogOptions extends Omit<SegmentSpaceOptions, 'segmentBytes' | 'release'> {
  readonly folder: string
  /** Sequence number of the next record. */
  readonly next: number
  /** So many records are safe on disk. */
  readonly onStored: (records: number, bytes: number) => void
}

/** The segment files: the newest is appended to, the oldest is deleted. */
export interface SegmentLog {
  /** Sequence number of the next record. */
  readonly next: number
  /** Resolves when they are safe on disk; for each what went wrong, or null. */
  write(bodies: readonly Buffer[]): Promise<readonly (Error | null)[]>
  /** Deletes the file of a segment that was read. Not the newest, and only in its turn. */
  remove(segment: Segment): Promise<void>
  /** Gives back a newest segment of some size whose records are all done with; at the end one of any size. */
  tidy(): Promise<void>
  close(): Promise<void>
}

/** A sixteenth of the whole, so that dropping the oldest costs little; 4 KiB to 4 MiB. */
const segmentSize = (maxBytes: number) =>
  Math.min(4 << 20, Math.max(4 << 10, Math.floor(maxBytes / 16)), maxBytes)

/** What a newest segment may take although all in it is done with: to begin a new one costs two calls that sync. */
const KEPT_BYTES = 64 << 10

export function createSegmentLog(options: SegmentLogOptions): SegmentLog {
  const { folder, maxBytes, segments } = options
  const segmentBytes = segmentSize(maxBytes)
  const writes = createTurns()
  let next = options.next
  /** Of the newest segment, while it is appended to. */
  let handle: FileHandle | null = null
  /** The newest segment has a tail that could not be cut off. */
  let spoiled = false

  const newest = () => segments.at(-1)

  async function retire(): Promise<void> {
    const last = handle
    handle = null
    await last?.close()
  }

  const space = createSegmentSpace({
    ...options,
    segmentBytes,
    async release(segment) {
      if (segment !== newest()) return
      await retire()
      spoiled = false
    },
  })

  /** The segment to append to, with its file open. */
  async function prepare(): Promise<{ readonly segment: Segment; readonly file: FileHandle }> {
    const last = newest()
    if (last !== undefined && last.bytes < segmentBytes && (!spoiled || (await cutTail(last)))) {
      handle ??= await openPrivate(last.file, 'r+')
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

  /** False: it stays. It is not read, since its numbers are given to the records of the next segment. */
  async function cutTail(segment: Segment): Promise<boolean> {
    try {
      await truncatePrivate(segment.file, segment.bytes)
      spoiled = false
    } catch (error) {
      // The next one would have the same name.
      if (segment.bytes === 0) throw error
    }
    return !spoiled
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
      })
      await retire().catch(() => {})
      throw error
    }
    segment.bytes += size
    segment.last = next + records.length - 1
    segment.waiting += records.length
    segment.waitingBytes += size
    space.add(size)
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

  async function store(records: readonly Buffer[], size: number): Promise<Error | null> {
    try {
      if (!(await space.makeRoom(size))) return outboxFull(folder, space.bytes, maxBytes)
      try {
        await append(records, size)
      } catch (error) {
        if (!isDiskFull(error) || !(await space.reclaim())) throw error
        await append(records, size)
      }
      return null
    } catch (error) {
      return outboxFailed('writing to', folder, error)
    }
  }

  async function write(bodies: readonly Buffer[]): Promise<readonly (Error | null)[]> {
    const results: (Error | null)[] = []
    while (results.length < bodies.length) {
      const { records, size } = gather(bodies, results.length)
      const failure = await store(records, size)
      for (const _ of records) results.push(failure)
    }
    return results
  }

  return {
    get next() {
      return next
    },
    write: (bodies) => writes(() => write(bodies)),
    remove: space.remove,
    tidy: () => writes(() => space.tidy(Math.min(KEPT_BYTES, segmentBytes))),
    async close() {
      await writes(() => space.tidy(0))
      await retire()
    },
  }
}

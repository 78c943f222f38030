import type { FileHandle } from 'node:fs/promises'
import { openToRead } from './private-files.js'
import { findRecord, HEADER_BYTES, readRecord, type StoredRecord } from './record-format.js'
import type { Segment } from './segment.js'

export interface ReadBounds {
  readonly maxSamples: number
  /** Of all bodies, unless a single one has more. */
  readonly maxBytes: number
}

export interface StoredBatch {
  readonly segment: Segment
  readonly records: readonly StoredRecord[]
  /** Offset in the segment of what comes next. */
  readonly end: number
  /** Bytes it takes on disk. */
  readonly bytes: number
  /** How often the segment was moved before. */
  readonly moves: number
}

export interface SegmentReaderOptions {
  readonly segments: readonly Segment[]
  /** In the first segment. */
  readonly start: number
  /** Sequence number of the first record to read. */
  readonly position: number
  /** All of the segment was read, and no more is appended to it; `next` follows. */
  readonly onRead: (segment: Segment, next: Segment) => Promise<void>
  /** Records that were whole when they were written, and are not any more. */
  readonly onDamage: (segment: Segment, records: number, bytes: number) => void
}

/** Reads records in order. Reading does not move it; `move` does. */
export interface SegmentReader {
  read(bounds: ReadBounds): Promise<StoredBatch | null>
  /** The first records of the segment behind the one that is read, without moving there; none where it is the last. */
  readBehind(bounds: ReadBounds): Promise<readonly StoredRecord[]>
  /** Behind the batch. */
  move(batch: StoredBatch): void
  /** The records of the oldest segment are moved within their file; those below `position` are done with. */
  rewind(position: number): void
  close(): Promise<void>
}

export function createSegmentReader(options: SegmentReaderOptions): SegmentReader {
  const { segments } = options
  let segment: Segment | undefined = segments[0]
  let offset = options.start
  /** Sequence number of the next record, if nothing is damaged. */
  let expected = options.position
  let moves = 0
  let file: { readonly of: Segment; readonly handle: FileHandle } | null = null

  async function bytesAt(of: Segment, position: number, length: number): Promise<Buffer> {
    if (file?.of !== of) {
      await release()
      file = { of, handle: await openToRead(of.file) }
    }
    const buffer = Buffer.allocUnsafe(Math.min(length, of.bytes - position))
    let read = 0
    while (read < buffer.byteLength) {
      const { bytesRead } = await file.handle.read(buffer, read, buffer.byteLength - read, position + read)
      if (bytesRead === 0) break
      read += bytesRead
    }
    return buffer.subarray(0, read)
  }

  async function release(): Promise<void> {
    const last = file
    file = null
    await last?.handle.close()
  }

  /** Behind what cannot be read. */
  async function skip(from: Segment): Promise<void> {
    const rest = await bytesAt(from, offset, from.bytes - offset)
    const found = findRecord(rest, 1)
    const bytes = found === -1 ? from.bytes - offset : found
    if (!from.damage.has(offset)) {
      from.damage.add(offset)
      const next = found === -1 ? from.last + 1 : readRecord(rest, found).record?.sequence
      const missing = Math.min(from.waiting, Math.max(1, (next ?? 0) - expected))
      options.onDamage(from, missing, bytes)
    }
    offset += bytes
  }

  return {
    async read({ maxSamples, maxBytes }) {
      for (;;) {
        // It was dropped, or nothing was there yet: the oldest is next.
        if (segment === undefined || !segments.includes(segment)) {
          segment = segments[0]
          offset = 0
          if (segment === undefined) return null
          expected = Math.max(expected, segment.first)
        }
        if (offset >= segment.bytes) {
          const done = segment
          const index = segments.indexOf(done)
          if (index === segments.length - 1) return null
          segment = segments[index + 1] as Segment
          offset = 0
          expected = Math.max(expected, segment.first)
          await options.onRead(done, segment)
          continue
        }
        const current = segment
        let bytes = await bytesAt(current, offset, maxBytes + HEADER_BYTES)
        const { needed } = readRecord(bytes, 0)
        if (needed > bytes.byteLength) bytes = await bytesAt(current, offset, needed)
        const { records, size, end } = recordsIn(bytes, expected, { maxSamples, maxBytes })
        if (records.length > 0) return { segment: current, records, end: offset + end, bytes: size, moves }
        if (end > 0) offset += end
        else await skip(current)
      }
    },
    async readBehind(bounds) {
      const behind = segment === undefined ? undefined : segments[segments.indexOf(segment) + 1]
      if (behind === undefined) return []
      let bytes = await bytesAt(behind, 0, bounds.maxBytes + HEADER_BYTES)
      const { needed } = readRecord(bytes, 0)
      if (needed > bytes.byteLength) bytes = await bytesAt(behind, 0, needed)
      return recordsIn(bytes, behind.first, bounds).records
    },
    move(batch) {
      if (segment !== batch.segment) return
      if (moves === batch.moves) offset = batch.end
      expected = (batch.records.at(-1) as StoredRecord).sequence + 1
    },
    rewind(position) {
      moves++
      offset = 0
      expected = Math.max(expected, position)
    },
    close: release,
  }
}

/** Whole records at the beginning of `bytes`, without those below `expected`. `end` is the offset behind them. */
function recordsIn(bytes: Buffer, expected: number, { maxSamples, maxBytes }: ReadBounds) {
  const records: StoredRecord[] = []
  let size = 0
  let payload = 0
  let next = expected
  let end = 0
  while (records.length < maxSamples) {
    const { record } = readRecord(bytes, end)
    if (record === null) break
    // Lower ones are there twice, where moving them came to no end.
    if (record.sequence >= next) {
      if (records.length > 0 && payload + record.body.byteLength > maxBytes) break
      records.push(record)
      next = record.sequence + 1
      size += record.end - end
      payload += record.body.byteLength + 1
    }
    end = record.end
  }
  return { records, size, end }
}

import type { FileHandle } from 'node:fs/promises'
import { openPrivate, openToRead } from './private-files.js'
import { findRecord, readRecord } from './record-format.js'
import type { Segment } from './segment.js'
import { writeAll } from './write-all.js'

export interface Front {
  /** Bytes of it, whole records. */
  readonly bytes: number
  /** Sequence number of the first record behind it; null where there is none. */
  readonly next: number | null
  /** Records in it that wait, and their bytes. */
  readonly waiting: number
  readonly waitingBytes: number
}

/** The first records of a segment: as many as take at least `bytes`, or with `position` those below it. */
export async function frontOf(
  segment: Segment,
  position: number,
  until: { readonly bytes: number } | { readonly below: number },
): Promise<Front> {
  const content = await contentOf(segment)
  let at = 0
  let last = 0
  let waiting = 0
  let waitingBytes = 0
  while (at < content.length) {
    const { record } = readRecord(content, at)
    if (record === null) {
      const found = findRecord(content, at + 1)
      at = found === -1 ? content.length : found
      continue
    }
    const enough = 'bytes' in until ? at >= until.bytes : record.sequence >= until.below
    if (enough) return { bytes: at, next: record.sequence, waiting, waitingBytes }
    // Twice, if an earlier cut was interrupted.
    if (record.sequence >= position && record.sequence > last) {
      waiting++
      waitingBytes += record.end - at
    }
    last = Math.max(last, record.sequence)
    at = record.end
  }
  return { bytes: at, next: null, waiting, waitingBytes }
}

async function contentOf(segment: Segment): Promise<Buffer> {
  const file = await openToRead(segment.file)
  try {
    return await read(file, 0, segment.bytes)
  } finally {
    await file.close()
  }
}

/**
 * Moves the rest of the file to its front, in place: on a full disk there is no room for a copy. Each part is safe in
 * its new place before the old one is written over, so that at every moment all records are there, some twice.
 */
export async function cutFront(segment: Segment, bytes: number): Promise<void> {
  const file = await openPrivate(segment.file, 'r+')
  try {
    for (let at = bytes; at < segment.bytes; ) {
      // No more than was cut off, so that no part is written over itself.
      const part = await read(file, at, Math.min(bytes, segment.bytes - at))
      if (part.byteLength === 0) break
      await writeAll(file, part, at - bytes)
      await file.datasync()
      at += part.byteLength
    }
    await file.truncate(segment.bytes - bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  let read = 0
  while (read < length) {
    const { bytesRead } = await file.read(buffer, read, length - read, position + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return buffer.subarray(0, read)
}

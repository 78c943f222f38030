import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openPrivate, readPrivate } from './private-files.js'
import type { ReadProgress } from './read-progress.js'
import { findRecord, readRecord } from './record-format.js'

/** A file of records, and what the outbox knows of it. */
export interface Segment {
  readonly file: string
  /** Sequence number of its first record, which names the file. */
  readonly first: number
  /** Of its last record; `first - 1` while it is empty. */
  last: number
  /** Bytes that are safe on disk; what lies behind is not read. */
  bytes: number
  /** Whole records that wait to be delivered, and their bytes. */
  waiting: number
  waitingBytes: number
  /** Offsets of damage that was counted when it was opened. */
  readonly damage: Set<number>
}

export interface OpenedSegments {
  readonly segments: Segment[]
  /** In the first segment, where the first record that waits begins. */
  readonly start: number
  /** Sequence number of the first record that waits. */
  readonly position: number
  /** Of the next record to come. */
  readonly next: number
  /** Records that were on disk and are not any more, or cannot be read. */
  readonly corrupt: number
  /** Whether what was being written when the process died or the power failed was cut off. */
  readonly torn: boolean
}

const NAME = /^(\d{16})\.segment$/

const numberOf = (name: string) => Number(NAME.exec(name)?.[1])

export const segmentFile = (folder: string, first: number): string =>
  join(folder, `${String(first).padStart(16, '0')}.segment`)

export const emptySegment = (file: string, first: number): Segment => ({
  file,
  first,
  last: first - 1,
  bytes: 0,
  waiting: 0,
  waitingBytes: 0,
  damage: new Set(),
})

/**
 * Reads all segments through. The numbers of the records have no gaps, and `progress` knows the first and the last of
 * them: whatever is missing was lost, however that came about. What follows the last record of a segment is cut off.
 */
export async function openSegments(folder: string, progress: ReadProgress): Promise<OpenedSegments> {
  const names = (await readdir(folder)).filter((name) => NAME.test(name)).sort()
  const walk: Walk = { position: null, expected: progress.position, exact: progress.exact, corrupt: 0 }
  const segments: Segment[] = []
  let start = 0
  let next = progress.end
  let torn = false
  for (const [index, name] of names.entries()) {
    const segment = emptySegment(join(folder, name), numberOf(name))
    const behind = names[index + 1]
    const content = await contentOf(segment)
    if (content === null) continue
    const from = scan(
      segment,
      content,
      walk,
      behind === undefined ? Number.POSITIVE_INFINITY : numberOf(behind),
    )
    next = Math.max(next, segment.first, segment.last + 1)
    const tail = content.length - segment.bytes
    // Nobody was told that it is there. With less than is known to have been there it is damage instead; where nothing is
    // known any more, it counts as one.
    if (tail > 0 && behind === undefined) {
      if (progress.damaged) walk.corrupt++
      else torn = walk.expected >= progress.end
    }
    if (segment.waiting === 0) {
      await rm(segment.file)
      continue
    }
    if (tail > 0) await cutOff(segment)
    if (segments.length === 0) start = from
    segments.push(segment)
  }
  const corrupt = walk.corrupt + Math.max(0, progress.end - walk.expected)
  next = Math.max(next, walk.expected)
  return { segments, start, position: walk.position ?? next, next, corrupt, torn }
}

/** Null: it cannot be read and was put aside, where it does not stop the others. */
async function contentOf({ file }: Segment): Promise<Buffer | null> {
  try {
    return await readPrivate(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // A bad block; or a damaged file system that took it for a folder.
    if (code !== 'EIO' && code !== 'EISDIR') throw error
    await rename(file, `${file}.damaged`)
    return null
  }
}

/** Where the reading of all segments has come to. */
interface Walk {
  /** Number of the first record that waits. */
  position: number | null
  /** Number of the next record, if none is missing. */
  expected: number
  /** Whether the first one has to be `expected`. */
  exact: boolean
  /** Records that are missing. */
  corrupt: number
}

/** Fills in the segment; returns the offset of the first record that waits. */
function scan(segment: Segment, content: Buffer, walk: Walk, behind: number): number {
  let start: number | null = null
  for (let at = 0; at < content.length; ) {
    const { record } = readRecord(content, at)
    if (record === null) {
      const found = findRecord(content, at + 1)
      if (found === -1) break
      segment.damage.add(at)
      at = found
      continue
    }
    const { sequence, end } = record
    // A record that could not be cut off when writing it failed: its number was given to another.
    if (sequence >= behind) break
    if (sequence > segment.last) {
      segment.last = sequence
      segment.bytes = end
    }
    // Lower ones were delivered, or are there twice since the front of the file was being cut off.
    if (sequence >= walk.expected) {
      start ??= at
      walk.position ??= sequence
      if (walk.exact) walk.corrupt += sequence - walk.expected
      walk.exact = true
      walk.expected = sequence + 1
      segment.waiting++
      segment.waitingBytes += end - at
    }
    at = end
  }
  return start ?? 0
}

async function cutOff(segment: Segment): Promise<void> {
  const handle = await openPrivate(segment.file, 'r+')
  try {
    await handle.truncate(segment.bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

import { open, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
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
  /** Records that cannot be read any more. */
  readonly corrupt: number
  /** Bytes of a record that was being written when the power failed. */
  readonly cut: number
}

const NAME = /^(\d{16})\.segment$/

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

/** Reads all segments through. What follows the last whole record of the newest one is cut off. */
export async function openSegments(folder: string, position: number): Promise<OpenedSegments> {
  const names = (await readdir(folder)).filter((name) => NAME.test(name)).sort()
  const segments: Segment[] = []
  let start = 0
  let corrupt = 0
  let cut = 0
  for (const [index, name] of names.entries()) {
    const first = Number(NAME.exec(name)?.[1])
    const next = NAME.exec(names[index + 1] ?? '')?.[1]
    const segment = emptySegment(join(folder, name), first)
    const content = await readFile(segment.file)
    const scanned = scan(segment, content, position, next === undefined ? null : Number(next))
    corrupt += scanned.corrupt
    if (segment.bytes < content.length) {
      cut += content.length - segment.bytes
      await cutOff(segment)
    }
    // All delivered: the process ended before it was deleted.
    if (segment.waiting === 0 && next !== undefined) {
      await rm(segment.file)
      continue
    }
    if (segments.length === 0) start = scanned.start
    segments.push(segment)
  }
  return { segments, start, corrupt, cut }
}

/** Fills in the segment. `next` is the first sequence number of the segment behind, null for the newest. */
function scan(segment: Segment, content: Buffer, position: number, next: number | null) {
  let corrupt = 0
  let start: number | null = null
  let at = 0
  while (at < content.length) {
    const { record } = readRecord(content, at)
    if (record !== null) {
      segment.last = Math.max(segment.last, record.sequence)
      if (record.sequence >= position) {
        start ??= at
        segment.waiting++
        segment.waitingBytes += record.end - at
      }
      at = record.end
      continue
    }
    const found = findRecord(content, at + 1)
    if (found === -1 && next === null) break
    const until = found === -1 ? next : readRecord(content, found).record?.sequence
    const missing = Math.max(1, (until ?? 0) - Math.max(segment.last + 1, position))
    // Behind the position nobody waits for it.
    if ((until ?? 0) > position) {
      corrupt += missing
      segment.damage.add(at)
      start ??= at
    }
    at = found === -1 ? content.length : found
  }
  segment.bytes = at
  return { corrupt, start: start ?? at }
}

async function cutOff(segment: Segment): Promise<void> {
  await truncate(segment.file, segment.bytes)
  const handle = await open(segment.file, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a file that was created, renamed or deleted there survive a power loss. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders; NTFS keeps its own journal of them.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

import { rm } from 'node:fs/promises'
import { cutFront, type Front, frontOf } from './cut-front.js'
import { truncatePrivate } from './private-files.js'
import type { Segment } from './segment.js'
import type { Turns } from './turns.js'

/** Records that have to go although they wait. */
export interface Drop {
  readonly segment: Segment
  /** All below this sequence number. */
  readonly before: number
  readonly records: number
  readonly bytes: number
}

export interface SegmentSpaceOptions {
  readonly maxBytes: number
  readonly segmentBytes: number
  readonly drop: 'oldest' | 'newest'
  /** Those on disk, the oldest first. */
  readonly segments: Segment[]
  /** Nobody reads while something is moved or deleted. */
  readonly turns: Turns
  /** Sequence number of the first record that is not done with. */
  readonly position: () => number
  /** On disk, before what it says is done with is deleted: else it would be missed. False: that failed. */
  readonly saveProgress: () => Promise<boolean>
  readonly onDropped: (drop: Drop) => void
  /** Records of the oldest segment stand elsewhere in its file. */
  readonly onMoved: () => void
  /** Lets go of the file, which is about to be deleted. */
  readonly release: (segment: Segment) => Promise<void>
}

/** The room that the segments take: what is done with is deleted, and the oldest has to go when there is too much. */
export interface SegmentSpace {
  /** Bytes of all segments. */
  readonly bytes: number
  add(bytes: number): void
  /** Deletes the file of a segment that was read. */
  remove(segment: Segment): Promise<void>
  /** False: it is full, and what waits is worth more than what comes. */
  makeRoom(size: number): Promise<boolean>
  /** For a disk that is full: gives back whatever is done with. False: nothing is. */
  reclaim(): Promise<boolean>
  /** Gives back the newest segment when all in it is done with and it takes at least `atLeast` bytes. */
  tidy(atLeast: number): Promise<void>
}

/** Below it moving a segment within its file is not worth it: file systems give and take blocks of that size. */
const BLOCK_BYTES = 4 << 10

export function createSegmentSpace(options: SegmentSpaceOptions): SegmentSpace {
  const { maxBytes, segmentBytes, segments, turns, position, saveProgress } = options
  let total = segments.reduce((sum, { bytes }) => sum + bytes, 0)

  async function remove(segment: Segment): Promise<void> {
    const index = segments.indexOf(segment)
    if (index === -1) return
    await options.release(segment)
    // A file that is open somewhere keeps its room when it is deleted, so that it is emptied first.
    await truncatePrivate(segment.file, 0).catch(() => {})
    await rm(segment.file, { force: true })
    segments.splice(segments.indexOf(segment), 1)
    total -= segment.bytes
  }

  async function dropWhole(segment: Segment): Promise<void> {
    const { waiting, waitingBytes, last } = segment
    if (waiting > 0) options.onDropped({ segment, before: last + 1, records: waiting, bytes: waitingBytes })
    await saveProgress()
    await remove(segment)
  }

  async function dropFront(segment: Segment, front: Front): Promise<void> {
    if (front.next === null) return dropWhole(segment)
    if (front.waiting > 0)
      options.onDropped({
        segment,
        before: front.next,
        records: front.waiting,
        bytes: front.waitingBytes,
      })
    await saveProgress()
    const damage = [...segment.damage]
    segment.damage.clear()
    options.onMoved()
    await cutFront(segment, front.bytes)
    for (const at of damage) if (at >= front.bytes) segment.damage.add(at - front.bytes)
    segment.bytes -= front.bytes
    total -= front.bytes
  }

  async function makeRoom(size: number): Promise<boolean> {
    while (total + size > maxBytes) {
      const [oldest] = segments
      if (oldest === undefined) return true
      if (oldest.waiting > 0 && options.drop === 'newest') return false
      // At least one segment's worth, so that not each sample has to make its own room.
      const bytes = Math.max(total + size - maxBytes, segmentBytes)
      // One of usual size goes as a whole. It is larger where `maxBytes` was lowered, or of one huge sample.
      if (oldest.waiting === 0 || oldest.bytes < bytes + segmentBytes) await dropWhole(oldest)
      else await dropFront(oldest, await frontOf(oldest, position(), { bytes }))
    }
    return true
  }

  async function reclaim(): Promise<boolean> {
    const before = total
    await saveProgress()
    for (const segment of segments.filter(({ waiting }) => waiting === 0)) await remove(segment)
    const [oldest] = segments
    if (total < before || oldest === undefined) return total < before
    const front = await frontOf(oldest, position(), { below: position() })
    // An eighth at least: the less there is, the more often the rest has to be moved.
    if (front.bytes < Math.max(BLOCK_BYTES, oldest.bytes / 8)) return false
    await dropFront(oldest, front)
    return true
  }

  return {
    get bytes() {
      return total
    },
    add(bytes) {
      total += bytes
    },
    remove,
    makeRoom: async (size) => total + size <= maxBytes || turns(() => makeRoom(size)),
    reclaim: () => turns(reclaim),
    tidy: (atLeast) =>
      turns(async () => {
        const newest = segments.at(-1)
        if (newest === undefined || newest.waiting > 0 || newest.bytes < atLeast) return
        // Not without: what was delivered would be missed at the next start.
        if (await saveProgress()) await remove(newest)
      }),
  }
}

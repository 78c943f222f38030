import { join } from 'node:path'
import { syncFolder } from '@devicehub-internal/async/files'
import { crc32 } from './crc32.js'
import { openPrivate, readPrivate } from './private-files.js'
import type { Progress, ReadProgress } from './read-progress.js'
import { writeAll } from './write-all.js'

/**
 * Written lazily, in two places of one file that take turns: a write that is torn leaves the other. It is written in
 * place, so that on a full disk, too, progress is kept.
 */
export interface PositionFile {
  read(): Promise<ReadProgress>
  write(progress: Progress): Promise<void>
}

/** A sector of a disk, which is written as a whole or not at all. */
const PLACE_BYTES = 512
const LINE = /^(\d+) (\d+) ([0-9a-f]+) *\n/
/** As an earlier version wrote it. */
const POSITION_ALONE = /^(\d+) ([0-9a-f]+)\n/

export function positionFile(folder: string): PositionFile {
  const file = join(folder, 'position')
  /** Where the newest stands; null: nowhere yet. */
  let newest: 0 | 1 | null = null

  async function writeTo(place: 0 | 1, progress: Progress): Promise<void> {
    // `a` would write at the end whatever the position, `r+` makes no file.
    const handle = await openPrivate(file, 'keep')
    try {
      await writeAll(handle, encode(progress), place * PLACE_BYTES)
      await handle.datasync()
    } finally {
      await handle.close()
    }
    newest = place
  }

  return {
    async read() {
      const text = await contentOf(file)
      const first = decode(text)
      const second = decode(text.slice(PLACE_BYTES))
      if (first === null && second === null) {
        const position = positionIn(text)
        // Empty it is when the process was killed, or the disk full, while it was made.
        return { position: position ?? 1, end: 1, exact: false, damaged: position === null && text !== '' }
      }
      newest = second === null || (first !== null && isLater(first, second)) ? 0 : 1
      return { ...((newest === 0 ? first : second) as Progress), exact: true, damaged: false }
    },
    async write(progress) {
      if (newest === null) {
        // Both at once, so that later ones need no room; the first place last, where an earlier version has its own.
        await writeTo(1, progress)
        await syncFolder(folder)
      }
      await writeTo(newest === 0 ? 1 : 0, progress)
    },
  }
}

async function contentOf(file: string): Promise<string> {
  try {
    return (await readPrivate(file)).toString('latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function encode({ position, end }: Progress): Buffer {
  const numbers = `${position} ${end}`
  return Buffer.from(`${`${numbers} ${checkOf(numbers)}`.padEnd(PLACE_BYTES - 1)}\n`)
}

function decode(text: string): Progress | null {
  const [, position = '', end = '', check] = LINE.exec(text) ?? []
  return check === checkOf(`${position} ${end}`) ? { position: Number(position), end: Number(end) } : null
}

function positionIn(text: string): number | null {
  const [, position = '', check] = POSITION_ALONE.exec(text) ?? []
  return check === checkOf(position) ? Number(position) : null
}

const isLater = (one: Progress, other: Progress) =>
  one.position > other.position || (one.position === other.position && one.end > other.end)

const checkOf = (text: string) => crc32(Buffer.from(text)).toString(16)

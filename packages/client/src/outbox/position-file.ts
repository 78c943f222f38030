import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from './crc32.js'
import { openPrivate } from './private-files.js'

/** The sequence number of the first sample that no broker has confirmed. Written lazily: an older one costs a redelivery. */
export interface PositionFile {
  /** 1 where there is none yet, or one that cannot be read. */
  read(): Promise<number>
  write(position: number): Promise<void>
}

export function positionFile(folder: string): PositionFile {
  const file = join(folder, 'position')
  return {
    async read() {
      let text: string
      try {
        text = await readFile(file, 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 1
        throw error
      }
      const [number = '', check] = text.trim().split(' ')
      const position = Number(number)
      return check === checkOf(number) && Number.isSafeInteger(position) && position >= 1 ? position : 1
    },
    async write(position) {
      const next = `${file}.new`
      const handle = await openPrivate(next, 'w')
      try {
        await handle.writeFile(`${position} ${checkOf(String(position))}\n`)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(next, file)
    },
  }
}

const checkOf = (text: string) => crc32(Buffer.from(text)).toString(16)

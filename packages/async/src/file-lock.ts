import { lstat, open, readFile, readlink, rm, symlink } from 'node:fs/promises'
import {
  isRunning,
  isSameHolder,
  type LockHolder,
  newHolder,
  parseHolder,
  parseShort,
  toShort,
} from './lock-holder.js'
import { sleep } from './sleep.js'

export type { LockHolder }

export interface FileLockOptions {
  /** Milliseconds to wait for a holder that runs. Default 0. */
  readonly wait?: number
  /**
   * For files on a disk that several hosts share: milliseconds after which a holder has the lock no more, whether it runs
   * or not, since nobody sees a process of another host; such a holder asks `isHeld` before what it cannot take back.
   * Default: a lock lasts as long as its process, and all are on this host.
   */
  readonly staleAfter?: number
  /** What is thrown when another one has the lock. Null: it could not be found who. */
  readonly lockedError: (holder: LockHolder | null) => Error
}

export interface FileLock {
  /** False once another one took it over. */
  isHeld(): Promise<boolean>
  release(): Promise<void>
}

/** Stale locks that are cleared away at most, when others take the place each time. */
const CLEARED_MAX = 50
/** Milliseconds: a turn to clear takes a second at most, so one that is older was killed in it. */
const TURN_MAX = 10_000

/**
 * Takes a lock file: one at a time has it, of all processes and within this one. Who was killed has it no more. Works
 * where files cannot be linked, and on a disk without one free block.
 */
export async function lockFile(file: string, options: FileLockOptions): Promise<FileLock> {
  const { wait = 0, lockedError } = options
  const own = await newHolder()
  const end = performance.now() + wait
  for (let cleared = 0; !(await create(file, own)); ) {
    const holder = await settled(file)
    if (holder === 'gone') continue
    const isOver = performance.now() >= end
    if (holder === null || (await isStale(file, holder, own, options))) {
      if (isOver && ++cleared > CLEARED_MAX) throw lockedError(holder)
      await clear(file, holder, own)
    } else if (isOver) throw lockedError(holder)
    else await sleep(5 + Math.random() * 20)
  }
  const isHeld = async () => isSameHolder(await holderIn(file), own)
  return {
    isHeld,
    async release() {
      if (await isHeld()) await rm(file, { force: true })
    },
  }
}

async function isStale(
  file: string,
  holder: LockHolder,
  own: LockHolder,
  { staleAfter }: FileLockOptions,
): Promise<boolean> {
  if (staleAfter !== undefined) {
    if ((await ageOf(file)) > staleAfter) return true
    if (holder.host !== null && holder.host !== own.host) return false
  }
  return !(await isRunning(holder, own))
}

/** False when the file is there already. */
async function create(file: string, own: LockHolder): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600)
    try {
      // Whatever the umask. A file system without modes works all the same.
      await handle.chmod(0o600).catch(() => {})
      await handle.writeFile(JSON.stringify(own))
    } catch (error) {
      await rm(file, { force: true })
      if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      // A short link has its target in its own entry: it takes none of the blocks that are used up.
      await symlink(toShort(own), file)
    } finally {
      await handle.close()
    }
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** The holder, once its file is written out: one that was killed between creating and writing leaves it empty (null). */
async function settled(file: string): Promise<LockHolder | null | 'gone'> {
  for (let look = 0; look < 10; look++) {
    const holder = await holderIn(file)
    if (holder !== null) return holder
    if (!(await exists(file))) return 'gone'
    await sleep(50)
  }
  return null
}

async function holderIn(file: string): Promise<LockHolder | null> {
  const link = await readlink(file).catch(() => null)
  if (link !== null) return parseShort(link)
  const text = await readFile(file, 'utf8').catch(() => '')
  return parseHolder(text)
}

/** One at a time: of two that find the same stale lock, the second must not take away what the first has put there. */
async function clear(file: string, stale: LockHolder | null, own: LockHolder): Promise<void> {
  const turn = `${file}.turn`
  if (!(await create(turn, own))) {
    if (Math.abs(await ageOf(turn)) > TURN_MAX) await rm(turn, { force: true })
    return sleep(20)
  }
  try {
    const now = await settled(file)
    if (now !== 'gone' && now?.token === stale?.token) await rm(file, { force: true })
  } finally {
    await rm(turn, { force: true })
  }
}

const exists = (file: string): Promise<boolean> =>
  lstat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  )

const ageOf = (file: string): Promise<number> =>
  lstat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  )

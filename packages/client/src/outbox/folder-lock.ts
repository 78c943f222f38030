import { randomUUID } from 'node:crypto'
import { lstat, readFile, readlink, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDiskFull, outboxLocked } from './outbox-errors.js'
import { openPrivate } from './private-files.js'

export interface FolderLock {
  release(): Promise<void>
}

interface Holder {
  readonly pid: number
  /** Of the process, in ticks since the machine started; null where the system does not say. */
  readonly started: string | null
  /** Of the machine's present run; null where the system does not say. */
  readonly boot: string | null
  readonly token: string
}

/**
 * Takes the folder for this process; `outbox_locked` when another client has it. A holder that was killed, or that ran
 * before the machine started anew, has it no more: its process id is gone, or belongs to a process that began later.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = join(folder, 'lock')
  const own: Holder = {
    pid: process.pid,
    started: await startOf(process.pid),
    boot: await bootId(),
    token: randomUUID(),
  }
  for (let attempt = 0; attempt < 50; attempt++) {
    if (await create(file, own)) {
      return {
        async release() {
          if (isSame(await holderIn(file), own)) await rm(file, { force: true })
        },
      }
    }
    const holder = await settled(file)
    if (holder === 'gone') continue
    if (holder !== null && (await lives(holder, own.boot))) throw outboxLocked(folder, file, holder.pid)
    await remove(file, holder, own)
  }
  throw outboxLocked(folder, file, null)
}

async function create(file: string, own: Holder): Promise<boolean> {
  try {
    const handle = await openPrivate(file, 'wx')
    try {
      await handle.writeFile(JSON.stringify(own))
    } catch (error) {
      await rm(file, { force: true })
      if (!isDiskFull(error)) throw error
      // A short link has its target in its own entry: it takes none of the blocks that are used up.
      await symlink(shortOf(own), file)
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
async function settled(file: string): Promise<Holder | null | 'gone'> {
  for (let look = 0; look < 10; look++) {
    const holder = await holderIn(file)
    if (holder !== null) return holder
    if (!(await exists(file))) return 'gone'
    await sleep(50)
  }
  return null
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  )
}

async function holderIn(file: string): Promise<Holder | null> {
  const link = await readlink(file).catch(() => null)
  if (link !== null) return holderOf(link)
  try {
    const holder = JSON.parse(await readFile(file, 'utf8')) as Holder
    return typeof holder.pid === 'number' ? holder : null
  } catch {
    return null
  }
}

/** At most 59 characters, which is what ext4 keeps in the entry. */
const shortOf = ({ pid, started, boot, token }: Holder): string =>
  [pid, started ?? '-', boot?.slice(0, 8) ?? '-', token.slice(0, 8)].join(' ')

function holderOf(link: string): Holder | null {
  const [, pid, started = '', boot = '', token = ''] = /^(\d+) (\S+) (\S+) (\S+)$/.exec(link) ?? []
  if (pid === undefined) return null
  return {
    pid: Number(pid),
    started: started === '-' ? null : started,
    boot: boot === '-' ? null : boot,
    token,
  }
}

/** A link has the beginnings of its text alone. */
const begins = (text: string | null, whole: string | null) =>
  text === null || whole === null ? text === whole : whole.startsWith(text)

const isSame = (holder: Holder | null, own: Holder) =>
  holder !== null && holder.pid === own.pid && begins(holder.token, own.token)

async function lives(holder: Holder, boot: string | null): Promise<boolean> {
  if (!begins(holder.boot, boot)) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return (await startOf(holder.pid)) === holder.started
}

/** One at a time: of two that find the same stale lock, the second must not take away what the first has put there. */
async function remove(file: string, stale: Holder | null, own: Holder): Promise<void> {
  const turn = `${file}.turn`
  if (!(await create(turn, own))) {
    // Killed in its turn, which takes a second at most.
    const age = await lstat(turn).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    )
    if (Math.abs(age) > 10_000) await rm(turn, { force: true })
    return sleep(20)
  }
  try {
    const now = await settled(file)
    if (now !== 'gone' && now?.token === stale?.token) await rm(file, { force: true })
  } finally {
    await rm(turn, { force: true })
  }
}

async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may hold anything; the start time is the 22nd field, the 20th behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

const bootId = (): Promise<string | null> =>
  readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => null,
  )

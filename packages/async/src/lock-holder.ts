import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'

/** Who holds a lock file, as it stands in the file. Null: the system does not say. */
export interface LockHolder {
  readonly pid: number
  /** When the process began, in ticks since the machine started. */
  readonly started: string | null
  /** The present run of the machine. */
  readonly boot: string | null
  readonly host: string | null
  /** Of this lock: a process may take the same file again. */
  readonly token: string
}

export const newHolder = async (): Promise<LockHolder> => ({
  pid: process.pid,
  started: await startOf(process.pid),
  boot: await bootId(),
  host: hostname(),
  token: randomUUID(),
})

/** Null for what is no holder, such as a file that its process had no time to fill. */
export function parseHolder(text: string): LockHolder | null {
  try {
    const { pid, started = null, boot = null, host = null, token } = JSON.parse(text) as Partial<LockHolder>
    return typeof pid === 'number' && typeof token === 'string' && token !== ''
      ? { pid, started, boot, host, token }
      : null
  } catch {
    return null
  }
}

/** At most 59 characters, which is what ext4 keeps of a link in its folder entry. */
export const toShort = ({ pid, started, boot, token }: LockHolder): string =>
  [pid, started ?? '-', boot?.slice(0, 8) ?? '-', token.slice(0, 8)].join(' ')

/** Boot and token of a short form have their beginnings alone, and the host is missing. */
export function parseShort(text: string): LockHolder | null {
  const [, pid, started, boot, token] = /^(\d+) (\S+) (\S+) (\S+)$/.exec(text) ?? []
  if (pid === undefined || started === undefined || boot === undefined || token === undefined) return null
  const known = (part: string) => (part === '-' ? null : part)
  return { pid: Number(pid), started: known(started), boot: known(boot), host: null, token }
}

export const isSameHolder = (found: LockHolder | null, own: LockHolder): boolean =>
  found !== null && found.pid === own.pid && own.token.startsWith(found.token)

/** Whether a holder's process still runs. An earlier run of the machine, or another process with its id, is not it. */
export async function isRunning(holder: LockHolder, own: LockHolder): Promise<boolean> {
  if (holder.boot !== null && own.boot !== null && !own.boot.startsWith(holder.boot)) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const started = await startOf(holder.pid)
  return holder.started === null || started === null || started === holder.started
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

import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeviceHubError } from '@devicehub/core'

interface Holder {
  readonly pid: number
  readonly host: string
  readonly token: string
}

/** Milliseconds. Files are written in far less; a holder that took longer is asked again before it replaces one. */
const STALE = 60_000

/**
 * Runs `task` while no other process, and nobody else here, does the same with this lock file. `assertHeld` is to be
 * called before each step that cannot be taken back. A holder that was killed has it no more. `sink_failed` when it
 * is not to be had within `timeout` milliseconds.
 */
export async function withFileLock<T>(
  file: string,
  timeout: number,
  task: (assertHeld: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const own: Holder = { pid: process.pid, host: hostname(), token: randomUUID() }
  const end = Date.now() + timeout
  while (!(await take(file, own))) {
    const holder = await holderOf(file)
    if (holder !== null && (await isStale(file, holder))) await clear(file, holder)
    else if (Date.now() > end)
      throw new DeviceHubError(
        'sink_failed',
        `${file} is held by process ${holder?.pid ?? '?'}${holder ? ` on ${holder.host}` : ''}; if that is gone, remove the file`,
      )
    else await sleep(5 + Math.random() * 20)
  }
  try {
    return await task(async () => {
      if ((await holderOf(file))?.token !== own.token)
        throw new DeviceHubError('sink_failed', `${file} was taken over by another process; try again`)
    })
  } finally {
    if ((await holderOf(file))?.token === own.token) await rm(file, { force: true })
  }
}

/** A link appears with its content, or not at all: nobody ever reads half a lock. */
async function take(file: string, own: Holder): Promise<boolean> {
  const draft = `${file}.${own.token}`
  await writeFile(draft, JSON.stringify(own), { mode: 0o600, flag: 'wx' })
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function holderOf(file: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder
  } catch {
    return null
  }
}

async function isStale(file: string, { pid, host }: Holder): Promise<boolean> {
  if (host === hostname() && !lives(pid)) return true
  const age = await stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  )
  return age > STALE
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Moved away first: of two that found it stale, the second may have caught what the first has put there since. */
async function clear(file: string, stale: Holder): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
  } catch {
    return
  }
  if ((await holderOf(aside))?.token !== stale.token) await link(aside, file).catch(() => {})
  await rm(aside, { force: true })
}

import { chmod, type FileHandle, lstat, mkdir, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncFolder } from './segment.js'

const FILE = 0o600
const FOLDER = 0o700
/** For anybody but the owner. */
const OTHERS = 0o077

/** What an outbox keeps in its folder. */
const OURS =
  /^(\d{16}\.segment(\.damaged)?|position(\.new)?|commands\.journal(\.new)?|lock(\.turn)?|set-aside\.jsonl)$/

/** Opens a file, and makes it for its owner alone whatever the umask, where `flags` make one. */
export async function openPrivate(file: string, flags: string | number): Promise<FileHandle> {
  const handle = await open(file, flags, FILE)
  try {
    const { mode } = await handle.stat()
    if ((mode & 0o777) !== FILE) await handle.chmod(FILE).catch(notAllowed)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Makes the folder for its owner alone, with its name in the folder above safe on disk as well, and so on up to where
 * there was a folder already.
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: FOLDER })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    await chmod(made, FOLDER).catch(notAllowed)
    await syncFolder(dirname(made))
  }
}

/**
 * Takes from others what an earlier version, or a copy, let them read. A folder that holds something else, too, is the
 * user's to set up: only the files of the outbox are changed in it. To be called by who holds the lock.
 */
export async function takeFromOthers(folder: string): Promise<void> {
  const names = await readdir(folder)
  for (const name of names.filter((each) => OURS.test(each))) await tighten(join(folder, name), FILE)
  if (names.every((name) => OURS.test(name))) await tighten(folder, FOLDER)
}

async function tighten(path: string, mode: number): Promise<void> {
  const found = await lstat(path).catch(() => null)
  // The mode of a link is nobody's, and what it points to is not ours.
  if (found === null || found.isSymbolicLink() || (found.mode & OTHERS) === 0) return
  await chmod(path, mode).catch(notAllowed)
}

/** Another user's, as in a volume of a container, or a file system without modes: it works all the same. */
function notAllowed(error: NodeJS.ErrnoException): void {
  if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EROFS', 'ENOENT'].includes(error.code ?? '')) throw error
}

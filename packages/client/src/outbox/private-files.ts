import { constants } from 'node:fs'
import { chmod, type FileHandle, lstat, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openNoLink, syncFolder } from '@devicehub-internal/async/files'

const FILE = 0o600
const FOLDER = 0o700
/** For anybody but the owner. */
const OTHERS = 0o077

/** What an outbox keeps in its folder. */
const OURS =
  /^(\d{16}\.segment(\.damaged)?|position(\.new)?|commands\.journal(\.new)?|lock(\.turn)?|set-aside\.jsonl)$/

const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants
const FLAGS = {
  'r+': O_RDWR,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  'w+': O_RDWR | O_CREAT | O_TRUNC,
  a: O_WRONLY | O_CREAT | O_APPEND,
  /** To write at a position: `a` writes at the end whatever it is, and `r+` makes no file. */
  keep: O_RDWR | O_CREAT,
}

/**
 * Opens a file to write to, and makes it for its owner alone whatever the umask. A symbolic link is refused: what somebody
 * else put in the folder must not lead to a file elsewhere.
 */
export async function openPrivate(file: string, flags: keyof typeof FLAGS): Promise<FileHandle> {
  const handle = await openInFolder(file, FLAGS[flags])
  try {
    const { mode } = await handle.stat()
    if ((mode & 0o777) !== FILE) await handle.chmod(FILE).catch(notAllowed)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Opens a file to read from. A symbolic link is refused here as well: samples come from the folder alone. */
export const openToRead = (file: string): Promise<FileHandle> => openInFolder(file, O_RDONLY)

/** All of a file, which is no symbolic link. */
export async function readPrivate(file: string): Promise<Buffer> {
  const handle = await openToRead(file)
  try {
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** Cuts off what is behind the first `bytes`. */
export async function truncatePrivate(file: string, bytes: number): Promise<void> {
  const handle = await openPrivate(file, 'r+')
  try {
    await handle.truncate(bytes)
  } finally {
    await handle.close()
  }
}

const openInFolder = (file: string, flags: number): Promise<FileHandle> =>
  openNoLink(file, flags, (cause) => {
    const message = `${file} is a symbolic link, and the outbox follows none in its folder: remove it`
    return Object.assign(new Error(message, { cause }), { code: 'ELOOP' })
  })

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
  for (const name of names.filter((each) => OURS.test(each))) {
    const file = join(folder, name)
    const found = await lstat(file).catch(() => null)
    // The mode of a link is nobody's, and what it points to is not ours.
    if (found !== null && !found.isSymbolicLink()) await tighten(file, found.mode, FILE)
  }
  // The user named it: where the name is a link, the folder is what it points to.
  if (names.every((name) => OURS.test(name))) await tighten(folder, (await stat(folder)).mode, FOLDER)
}

async function tighten(path: string, found: number, mode: number): Promise<void> {
  if ((found & OTHERS) !== 0) await chmod(path, mode).catch(notAllowed)
}

/** Another user's, as in a volume of a container, or a file system without modes: it works all the same. */
function notAllowed(error: NodeJS.ErrnoException): void {
  if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EROFS', 'ENOENT'].includes(error.code ?? '')) throw error
}

import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'

/** Windows has none, and there a link takes rights that few have. */
const O_NOFOLLOW: number = constants.O_NOFOLLOW ?? 0

/**
 * Opens a file, which is made for its owner alone if there is none. `refused` gives the error where it is a symbolic link:
 * whoever may write to the folder could choose where that leads.
 */
export async function openNoLink(
  file: string,
  flags: number,
  refused: (cause: unknown) => Error,
): Promise<FileHandle> {
  try {
    return await open(file, flags | O_NOFOLLOW, 0o600)
  } catch (error) {
    // Systems differ in the code for it, and the one of Linux says the same of links in a circle above it.
    const found = await lstat(file).catch(() => null)
    throw found?.isSymbolicLink() ? refused(error) : error
  }
}

/** Makes a file that was created, renamed or deleted in a folder survive a power loss. */
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

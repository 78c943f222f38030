import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from '@devicehub-internal/async/files'

/**
 * Replaces a file as a whole: whoever reads it, and whatever is killed when, there is the old one or the new one. Owner
 * and mode stay; a new file has the mode 0600. One writer at a time. `beforeRename` may still reject.
 */
export async function replaceFile(
  path: string,
  text: string,
  beforeRename: () => Promise<void>,
): Promise<void> {
  // Behind a link: else the link would be replaced, and not what it points to.
  const file = await realpath(path).catch(() => path)
  const old = await stat(file).catch(notThere)
  const draft = `${file}.devicehub-new`
  // What a killed writer left.
  await rm(draft, { force: true })
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      if (old !== null) await handle.chown(old.uid, old.gid)
      await handle.chmod(old === null ? 0o600 : old.mode & 0o777)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await beforeRename()
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  await syncFolder(dirname(file))
}

/** Its text, or an empty one when there is none. */
export const readOrEmpty = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error) => notThere(error) ?? '')

function notThere(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}

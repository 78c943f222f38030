import { open } from 'node:fs/promises'

/** Makes a file that was created, renamed or deleted there survive a power loss. */
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

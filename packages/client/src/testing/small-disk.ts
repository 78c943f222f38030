import { spawnSync } from 'node:child_process'
import { temporaryFolder } from './temporary-folder.js'

export const mount = (...args: string[]) => spawnSync('/bin/mount', args).status === 0

/** A file system of its own, which can be full and read-only. */
export function smallDisk(size: string): ({ readonly path: string } & Disposable) | null {
  const folder = temporaryFolder()
  if (!mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder.path)) {
    folder[Symbol.dispose]()
    return null
  }
  return {
    path: folder.path,
    [Symbol.dispose]() {
      spawnSync('/bin/umount', ['-l', folder.path])
      folder[Symbol.dispose]()
    },
  }
}

/** Only root may. */
export const canMount = (() => {
  const disk = smallDisk('64k')
  disk?.[Symbol.dispose]()
  return disk !== null
})()

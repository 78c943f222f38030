import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { temporaryFolder } from './temporary-folder.js'

export const mount = (...args: string[]) => spawnSync('/bin/mount', args).status === 0

export interface SmallDisk extends Disposable {
  readonly path: string
}

/** A file system of its own, which can be full and read-only. */
function smallDisk(size: string): SmallDisk | null {
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

const canMount = (() => {
  const disk = smallDisk('64k')
  disk?.[Symbol.dispose]()
  return disk !== null
})()

/** Root of a machine in continuous integration may mount: there the tests must not be skipped unseen. */
const mustMount = process.getuid?.() === 0 && process.env.DEVICEHUB_REQUIRE_SERVICES === '1'

/** A test with a disk of so many bytes. Only root may mount one; for others it is skipped. */
export function testOnSmallDisk(name: string, size: string, run: (disk: SmallDisk) => Promise<void>): void {
  const runs = canMount || mustMount
  test.runIf(runs)(runs ? name : `${name} (only root may mount a small disk)`, async () => {
    using disk = smallDisk(size)
    expect(disk, 'root must be able to mount a tmpfs here').not.toBeNull()
    await run(disk as SmallDisk)
  })
}

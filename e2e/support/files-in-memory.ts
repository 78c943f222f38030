import { accessSync, constants, readFileSync, statfsSync } from 'node:fs'

const MEMORY = '/dev/shm'
/** What a run needs at most, and more: databases of three servers, a broker's kept program, SQLite files. */
const NEEDED = 4 * 2 ** 30

/**
 * Puts the temporary files of tests, and the data of the servers they start, into memory where the system has a file
 * system for that with room. Making a database of MariaDB takes a tenth of the time, and nothing is lost: tests kill
 * processes, which leaves what these wrote in either place; none cuts the power. `TMPDIR` says otherwise.
 */
export function keepFilesInMemory(): void {
  if (process.env.TMPDIR === undefined && hasRoom()) process.env.TMPDIR = MEMORY
}

function hasRoom(): boolean {
  try {
    accessSync(MEMORY, constants.W_OK)
    // A container may mount it so that no program in it can be started, and tests start some that they have written.
    const options = new RegExp(`^\\S+ ${MEMORY} tmpfs (\\S+)`, 'm').exec(
      readFileSync('/proc/mounts', 'utf8'),
    )?.[1]
    if (options === undefined || options.split(',').includes('noexec')) return false
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= NEEDED
  } catch {
    return false
  }
}

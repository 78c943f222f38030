import { lstat, stat } from 'node:fs/promises'
import { DeviceHubError } from '@devicehub/core'

export const IN_MEMORY = ':memory:'

/** What `file` may be, to go on "must be". */
export const SQLITE_FILE =
  "the path of a file, without blanks around it and not a `file:` URI, or ':memory:' for a database in memory"

/**
 * Exactly `:memory:`, or a path. What SQLite would take for something else is none: it makes a temporary database of an
 * empty name, reads URIs, and keeps names that begin with a colon to itself. A path of a folder ends with a slash.
 */
export const SQLITE_FILE_PATTERN = /^(:memory:|(?!\s|:|[Ff][Ii][Ll][Ee]:).*(?<![\s/\\]))$/s

/** `storage_refused` where there is something else than a regular file. To be called before anything opens it. */
export async function refuseNoFile(file: string): Promise<void> {
  if (file === IN_MEMORY) return
  const found = await stat(file).catch(() => null)
  // SQLite would make the file that a link to nothing names, readable for others. A regular file that is there now was
  // made meanwhile, by another process that opens the same database.
  const isDangling = found === null && (await lstat(file).catch(() => null))?.isSymbolicLink() === true
  // Of what is not there, or cannot be looked at, SQLite says so.
  if (found === null ? !isDangling : found.isFile()) return
  const other = found?.isDirectory() ? 'a folder' : 'no regular file'
  const what = isDangling ? 'a symbolic link to nothing' : other
  throw new DeviceHubError(
    'storage_refused',
    `The SQLite database ${file} is ${what}: \`file\` must be ${SQLITE_FILE}`,
    { details: { file } },
  )
}

import { withFileLock } from '../file-lock.js'
import { readOrEmpty, replaceFile } from '../replace-file.js'
import { type AclSection, parseAclSection } from './acl-section.js'
import { type FilesSettings, resolved } from './files-settings.js'
import { type PasswordFile, parsePasswordFile } from './password-line.js'

export interface BrokerFiles {
  /** The users that this sink has made: names in a file of its own, since Mosquitto's tools refuse comments. */
  readonly ours: ReadonlySet<string>
  readonly passwords: PasswordFile
  readonly acl: AclSection
}

export interface NewContent {
  /** By user name, its line; null: without one. Others stay. */
  readonly passwords: ReadonlyMap<string, string | null>
  readonly acl: ReadonlyMap<string, readonly string[]>
  readonly ours: ReadonlySet<string>
}

export async function readFiles(settings: FilesSettings): Promise<BrokerFiles> {
  const { passwordFile, aclFile, section } = settings
  const users = await readOrEmpty(`${await resolved(passwordFile)}.${section}-users`)
  return {
    ours: new Set(users.split('\n').filter((name) => name !== '')),
    passwords: parsePasswordFile(await readOrEmpty(passwordFile)),
    acl: parseAclSection(await readOrEmpty(aclFile), section, aclFile),
  }
}

/** Reads, lets `change` decide, and writes what is different; null writes nothing. No other process does so meanwhile. */
export async function updateFiles(
  settings: FilesSettings,
  change: (files: BrokerFiles) => NewContent | null,
): Promise<void> {
  const { passwordFile, aclFile, section, timeout } = settings
  const base = await resolved(passwordFile)
  // One lock for all sections: they are in the same files.
  await withFileLock(`${base}.devicehub-lock`, timeout, async (assertHeld) => {
    const files = await readFiles(settings)
    const next = change(files)
    if (next === null) return
    const write = async (path: string, text: string) => {
      if ((await readOrEmpty(path)) !== text) await replaceFile(path, text, assertHeld)
    }
    const writeUsers = (users: Iterable<string>) =>
      write(`${base}.${section}-users`, [...users].map((name) => `${name}\n`).join(''))
    // Killed in between, nobody has more than before, and whoever is in the password file is known as ours.
    await writeUsers(new Set([...files.ours, ...next.ours]))
    await write(passwordFile, files.passwords.replace(next.passwords))
    await write(aclFile, files.acl.replace(next.acl))
    await writeUsers(next.ours)
  })
}

import type { SinkChange } from '../credential-sink.js'
import { lastChanges } from '../last-changes.js'
import type { SinkFailures } from '../sink-failures.js'
import { aclLines } from './acl-section.js'
import { updateFiles } from './broker-files.js'
import type { FilesSettings } from './files-settings.js'
import { passwordLine } from './password-line.js'

export const FOREIGN = 'the password file has a user of that name that was not made here; it is left alone'

export async function applyToFiles(
  settings: FilesSettings,
  changes: readonly SinkChange[],
  failures: SinkFailures,
): Promise<void> {
  const { sets, removes } = lastChanges(changes)
  // Before the lock is taken: with many rounds this takes a while.
  const lines = new Map<string, string>()
  for (const { device, password } of sets)
    lines.set(device.username, await passwordLine(device.username, password, settings.iterations))

  await updateFiles(settings, ({ ours, passwords, acl }) => {
    const isForeign = (username: string) => passwords.users.has(username) && !ours.has(username)
    const next = { passwords: new Map<string, string | null>(), acl: new Map(acl.users), ours: new Set(ours) }
    for (const username of removes) {
      next.acl.delete(username)
      if (isForeign(username)) failures.add(username, FOREIGN)
      else next.passwords.set(username, null)
      next.ours.delete(username)
    }
    for (const { device } of sets) {
      const { username } = device
      if (isForeign(username)) {
        failures.add(username, FOREIGN)
        continue
      }
      next.passwords.set(username, lines.get(username) as string)
      next.acl.set(username, aclLines(device))
      next.ours.add(username)
    }
    return next
  })
}

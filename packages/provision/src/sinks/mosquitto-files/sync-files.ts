import type { SinkDevice, SyncReport } from '../credential-sink.js'
import type { SinkFailures } from '../sink-failures.js'
import { aclLines } from './acl-section.js'
import { FOREIGN } from './apply-to-files.js'
import { readFiles, updateFiles } from './broker-files.js'
import type { FilesSettings } from './files-settings.js'
import { isPasswordHash } from './password-line.js'
import { refuseFileDevice } from './refuse-for-files.js'

/**
 * The files are read before the devices are: a device that is issued meanwhile is then not among what was read, and
 * cannot be taken for a stray. They are locked only at the end.
 */
export async function syncFiles(
  settings: FilesSettings,
  sink: string,
  devices: AsyncIterable<SinkDevice>,
  failures: SinkFailures,
): Promise<SyncReport> {
  const before = await readFiles(settings)
  const known = new Set([...before.ours, ...before.acl.users.keys()])
  const wanted = new Map<string, readonly string[]>()
  const seen = new Set<string>()
  for await (const device of devices) {
    seen.add(device.username)
    const refusal = refuseFileDevice(device, settings.section)
    if (refusal === null) wanted.set(device.username, aclLines(device))
    else failures.add(device.username, refusal)
  }

  const repaired: string[] = []
  const removed: string[] = []
  const withoutPassword: string[] = []
  await updateFiles(settings, ({ ours, passwords, acl }) => {
    const next = { passwords: new Map<string, string | null>(), acl: new Map(acl.users), ours: new Set(ours) }
    const drop = (username: string) => {
      if (ours.has(username)) next.passwords.set(username, null)
      next.acl.delete(username)
      next.ours.delete(username)
    }
    for (const [username, lines] of wanted) {
      const hashes = passwords.users.get(username) ?? []
      if (hashes.length > 0 && !ours.has(username)) failures.add(username, FOREIGN)
      else if (hashes.length !== 1 || !hashes.every(isPasswordHash)) {
        // Two lines: nobody knows which of them is the device's.
        withoutPassword.push(username)
        drop(username)
      } else if (lines.join('\n') !== acl.users.get(username)?.join('\n')) {
        next.acl.set(username, lines)
        repaired.push(username)
      }
    }
    for (const username of new Set([...ours, ...acl.users.keys()])) {
      if (seen.has(username) || !known.has(username)) continue
      drop(username)
      removed.push(username)
    }
    return next
  })
  return { sink, devices: seen.size, repaired, removed, withoutPassword }
}

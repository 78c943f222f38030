import { join } from 'node:path'
import { DeviceHubError } from '@devicehub/core/definition'
import { isDiskFull } from './outbox-errors.js'
import { openPrivate } from './private-files.js'

const MAX_BYTES = 1 << 20

/**
 * Writes down a sample that the broker refuses for good, one line of JSON each, until the file has 1 MiB: somebody may
 * want to see it. Returns what to report.
 */
export async function setAside(
  folder: string,
  body: Buffer,
  reason: DeviceHubError,
): Promise<DeviceHubError> {
  const file = join(folder, 'set-aside.jsonl')
  const line = `${JSON.stringify({ at: new Date().toISOString(), reason: reason.message, sample: body.toString() })}\n`
  let lost = 'no space left'
  let kept = false
  try {
    const handle = await openPrivate(file, 'a')
    try {
      kept = (await handle.stat()).size + Buffer.byteLength(line) <= MAX_BYTES
      if (kept) {
        await handle.writeFile(line)
        await handle.sync()
      }
    } finally {
      await handle.close()
    }
  } catch (error) {
    // A full disk must not stop the samples behind it.
    kept = false
    if (!isDiskFull(error)) lost = (error as Error).message
  }
  const message = `a sample was set aside (${kept ? file : `not written: ${lost}`}): ${reason.message}`
  return new DeviceHubError('publish_failed', message, { details: reason.details, cause: reason })
}

import { accept, callback } from '../model/check/index.js'
import { DeviceHubError } from '../model/errors.js'
import type { Logger } from '../ports/logger.js'

type End = () => void | Promise<void>

const END = callback<End>()

/** What works on a hub and has to end before its storage closes. */
export function createOpenParts(logger: Logger) {
  const ends = new Set<End>()
  let closed = false

  return {
    onClose(given: End): () => void {
      const end = accept('hub.onClose', 'end', END, given)
      if (closed)
        throw new DeviceHubError('closed', 'the hub is closed: nothing can be started on it any more')
      // One of its own for each call: the same function may be given twice.
      const entry: End = () => end()
      ends.add(entry)
      return () => void ends.delete(entry)
    },
    isClosed: () => closed,
    /** Ends all of them at once. Never rejects. */
    async close(): Promise<void> {
      closed = true
      await Promise.all(
        [...ends].map(async (end) => {
          try {
            await end()
          } catch (err) {
            logger.error({ err }, 'what works on the hub did not end cleanly')
          }
        }),
      )
    },
  }
}

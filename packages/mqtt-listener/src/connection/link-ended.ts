import { disconnectReason } from '@devicehub/core/transport'
import { ConnectionError } from './connection-error.js'
import type { Link } from './link.js'

/** Rejects when the link ends; `during` completes the sentence "the connection ended ...". For `Promise.race`. */
export function rejectWhenEnded(link: Link, during: string): Promise<never> {
  const ended = link.closed.then(({ error, disconnect }) => {
    const reason = disconnect === null ? '' : ` (${disconnectReason(disconnect)})`
    throw new ConnectionError(`the connection ended${reason} ${during}`, { cause: error })
  })
  ended.catch(() => {})
  return ended
}

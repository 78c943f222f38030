import { ConnectionError } from './connection-error.js'
import type { Link } from './link.js'

/** Rejects when the link ends; `during` completes the sentence "the connection ended ...". For `Promise.race`. */
export function rejectWhenEnded(link: Link, during: string): Promise<never> {
  const ended = link.closed.then(({ error, reasonCode }) => {
    const reason = reasonCode === null ? '' : ` with reason code 0x${reasonCode.toString(16)}`
    throw new ConnectionError(`the connection ended${reason} ${during}`, { cause: error })
  })
  ended.catch(() => {})
  return ended
}

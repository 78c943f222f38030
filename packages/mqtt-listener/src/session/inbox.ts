import type { Link } from '../connection/link.js'
import { type ConnectionInbox, createConnectionInbox, type InboxOptions } from './connection-inbox.js'
import { createReceiveWindow } from './receive-window.js'

/** Receives the messages of one MQTT session over all its network connections, and bounds how many are unacknowledged. */
export interface Inbox {
  /** The inbox of a new network connection. */
  openConnection(link: Link): ConnectionInbox
  /** Accepts no further message until `resume()`. */
  pause(): void
  resume(): void
  /** Resolves when no message of QoS 1 or 2 is unacknowledged. */
  whenEmpty(): Promise<void>
  /** Unacknowledged messages of QoS 1 and 2. */
  readonly size: number
  /** Messages passed to the sink so far, of every QoS. */
  readonly taken: number
  /** Messages of QoS 1 and 2 that have left the window so far. */
  readonly released: number
}

export function createInbox(options: InboxOptions): Inbox {
  const window = createReceiveWindow(options.window, options.counters)
  const totals = { taken: 0, waitingQos0: 0 }
  return {
    openConnection: (link) => createConnectionInbox(link, options, window, totals),
    pause: window.pause,
    resume: window.resume,
    whenEmpty: window.whenEmpty,
    get size() {
      return window.size
    },
    get taken() {
      return totals.taken
    },
    get released() {
      return window.released
    },
  }
}

import type { QueuedPublication } from './publish-queue.js'

/** Watches the publications in flight on one connection after another. */
export interface StallWatch {
  /** One more is in flight. */
  sent(): void
  /** The connection has ended: nothing is in flight. */
  stop(): void
}

/**
 * Calls `onStalled` when the oldest publication has had no acknowledgement for `ackTimeout` milliseconds. A broker may
 * lose a PUBACK, or drop what exceeds a quota, and keep the connection; each such publication takes a place of the
 * Receive Maximum until the connection ends [MQTT-4.9.0-2].
 */
export function createStallWatch(
  inFlight: ReadonlySet<QueuedPublication>,
  ackTimeout: number,
  onStalled: (oldest: QueuedPublication) => void,
): StallWatch {
  let timer: NodeJS.Timeout | undefined

  function look(): void {
    timer = undefined
    // In the order sent.
    const [oldest] = inFlight
    if (oldest === undefined) return
    const left = oldest.sentAt + ackTimeout - performance.now()
    if (left <= 0) onStalled(oldest)
    else timer = setTimeout(look, Math.ceil(left)).unref()
  }

  return {
    sent() {
      timer ??= setTimeout(look, ackTimeout).unref()
    },
    stop() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}

import type { DeviceHubError } from '@devicehub/core'
import type { Publication } from './publication.js'

/** A publication with the promise its sender waits for. */
export interface QueuedPublication extends Publication {
  readonly resolve: () => void
  readonly reject: (error: DeviceHubError) => void
  timer: NodeJS.Timeout | undefined
  /** How often it was sent. */
  attempts: number
  /** When it was sent last, on the monotonic clock. */
  sentAt: number
  /** The sender has its answer, and waits no more. */
  settled: boolean
}

/** Publications in the order to send them. */
export interface PublishQueue {
  push(entry: QueuedPublication): void
  /** The next one whose sender still waits. It stays in the queue. Entries before it, which are settled, leave. */
  peek(): QueuedPublication | undefined
  /** Removes the entry that `peek` returned. */
  shift(): void
  /** Puts unsettled entries before all others. */
  unshift(entries: readonly QueuedPublication[]): void
  /** Empties the queue. */
  takeAll(): readonly QueuedPublication[]
}

/** Removed entries are cut off in blocks: `Array.shift` takes longer the more entries there are. */
const CUT_AFTER = 1024

export function createPublishQueue(): PublishQueue {
  let entries: QueuedPublication[] = []
  let head = 0

  return {
    push: (entry) => void entries.push(entry),
    peek() {
      while (entries[head]?.settled) head++
      if (head > CUT_AFTER && head * 2 > entries.length) {
        entries = entries.slice(head)
        head = 0
      }
      return entries[head]
    },
    shift() {
      head++
    },
    unshift(first) {
      entries = [...first.filter(({ settled }) => !settled), ...entries.slice(head)]
      head = 0
    },
    takeAll() {
      const taken = entries.slice(head)
      entries = []
      head = 0
      return taken
    },
  }
}

import { createBatcher } from '@devicehub-internal/async'
import type { Capacity } from './capacity.js'

/**
 * Batches that form by themselves: whatever arrived while the last commit ran is the next batch. An idle queue commits
 * at the end of the present turn of the event loop, so nothing ever waits for a batch to fill.
 */
export interface GroupCommit<Item> {
  push(item: Item, bytes: number): void
}

export interface GroupCommitOptions<Item> {
  /** Handles its own failures: it resolves when every item is settled. */
  readonly commit: (items: readonly Item[]) => Promise<void>
  /** Items a batch. */
  readonly maxCount: number
  /** Payload bytes a batch; one larger item makes a batch of its own. */
  readonly maxBytes: number
  /** Holds the items until their commit is done. */
  readonly capacity: Capacity
}

export function createGroupCommit<Item>(options: GroupCommitOptions<Item>): GroupCommit<Item> {
  const { capacity, commit, maxCount, maxBytes } = options
  const batcher = createBatcher<Item>({
    maxItems: maxCount,
    maxSize: maxBytes,
    async process(items, bytes) {
      await commit(items)
      capacity.giveBack(items.length, bytes)
    },
  })
  return {
    push(item, bytes) {
      capacity.take(bytes)
      batcher.push(item, bytes)
    },
  }
}

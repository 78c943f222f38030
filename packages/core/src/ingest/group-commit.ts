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
  const { capacity } = options
  let items: Item[] = []
  let sizes: number[] = []
  let running = false

  /** The longest run at the head of the queue within both bounds, at least one item. */
  function take(): { readonly batch: readonly Item[]; readonly bytes: number } {
    let end = 0
    let bytes = 0
    while (end < items.length && end < options.maxCount) {
      const size = sizes[end] as number
      if (end > 0 && bytes + size > options.maxBytes) break
      bytes += size
      end++
    }
    const batch = end === items.length ? items : items.slice(0, end)
    items = items.slice(end)
    sizes = sizes.slice(end)
    return { batch, bytes }
  }

  async function run(): Promise<void> {
    while (items.length > 0) {
      const { batch, bytes } = take()
      await options.commit(batch)
      capacity.giveBack(batch.length, bytes)
    }
    running = false
  }

  return {
    push(item, bytes) {
      items.push(item)
      sizes.push(bytes)
      capacity.take(bytes)
      if (running) return
      running = true
      setImmediate(run)
    },
  }
}

/**
 * Batches that form by themselves: whatever arrived while the last commit ran is the next batch. An idle queue commits
 * at the end of the present turn of the event loop, so nothing ever waits for a batch to fill.
 */
export interface GroupCommit<Item> {
  /** False when the queue is full now: the item was taken, the caller must wait for `drained()` before the next. */
  push(item: Item, bytes: number): boolean
  /** Resolves when the queue is below its bounds. */
  drained(): Promise<void>
  /** Resolves when everything that was pushed has been committed. */
  idle(): Promise<void>
  readonly depth: number
}

export interface GroupCommitOptions<Item> {
  /** Handles its own failures: it resolves when every item is settled. */
  readonly commit: (items: readonly Item[]) => Promise<void>
  /** Items a batch. */
  readonly maxCount: number
  /** Payload bytes a batch; one larger item makes a batch of its own. */
  readonly maxBytes: number
  /** Items waiting or being committed, past which `push` answers false. */
  readonly maxQueued: number
  readonly maxQueuedBytes: number
}

export function createGroupCommit<Item>(options: GroupCommitOptions<Item>): GroupCommit<Item> {
  let items: Item[] = []
  let sizes: number[] = []
  let head = 0
  let held = 0
  let heldBytes = 0
  let running = false
  let waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = []

  const hasRoom = () => held < options.maxQueued && heldBytes < options.maxQueuedBytes
  const isIdle = () => held === 0

  const when = (until: () => boolean) =>
    until() ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ until, resolve }))

  /** The longest run at the head of the queue within both bounds, at least one item. */
  function take(): { batch: readonly Item[]; bytes: number } {
    let end = head
    let bytes = 0
    while (end < items.length && end - head < options.maxCount) {
      const size = sizes[end] as number
      if (end > head && bytes + size > options.maxBytes) break
      bytes += size
      end++
    }
    const batch = items.slice(head, end)
    head = end
    if (head === items.length) {
      items = []
      sizes = []
      head = 0
    } else if (head > 4096 && head * 2 > items.length) {
      items = items.slice(head)
      sizes = sizes.slice(head)
      head = 0
    }
    return { batch, bytes }
  }

  async function run(): Promise<void> {
    while (head < items.length) {
      const { batch, bytes } = take()
      await options.commit(batch)
      held -= batch.length
      heldBytes -= bytes
      wake()
    }
    running = false
  }

  function wake(): void {
    if (waiting.length === 0) return
    const still = waiting.filter((waiter) => !waiter.until())
    const ready = waiting.filter((waiter) => !still.includes(waiter))
    waiting = still
    for (const waiter of ready) waiter.resolve()
  }

  return {
    push(item, bytes) {
      items.push(item)
      sizes.push(bytes)
      held++
      heldBytes += bytes
      if (!running) {
        running = true
        setImmediate(run)
      }
      return hasRoom()
    },
    drained: () => when(hasRoom),
    idle: () => when(isIdle),
    get depth() {
      return held
    },
  }
}

import { createCondition } from './condition.js'

/**
 * Batches that form by themselves: whatever arrived while one was processed is the next. An idle batcher begins at the end
 * of the present turn of the event loop, so nothing ever waits for a batch to fill.
 */
export interface Batcher<Item> {
  /** `size` counts against `maxSize`, for example its bytes. Default 0. */
  push(item: Item, size?: number): void
  /** Takes out what no batch has begun with. */
  clear(): void
  /** Resolves when nothing waits and no batch is under way. */
  idle(): Promise<void>
}

export interface BatcherOptions<Item> {
  /** Settles every item itself and never rejects; the next batch begins when it resolves. `size`: of all its items. */
  readonly process: (items: readonly Item[], size: number) => Promise<void>
  /** Items in a batch. Default: no bound. */
  readonly maxItems?: number
  /** Size of a batch; one larger item makes a batch of its own. Default: no bound. */
  readonly maxSize?: number
}

export function createBatcher<Item>(options: BatcherOptions<Item>): Batcher<Item> {
  const { process, maxItems = Number.POSITIVE_INFINITY, maxSize = Number.POSITIVE_INFINITY } = options
  let items: Item[] = []
  let sizes: number[] = []
  let running = false
  const condition = createCondition()

  /** The longest run at the head of the queue within both bounds, at least one item. */
  function take(): { readonly batch: readonly Item[]; readonly total: number } {
    let end = 0
    let total = 0
    while (end < items.length && end < maxItems) {
      const size = sizes[end] as number
      if (end > 0 && total + size > maxSize) break
      total += size
      end++
    }
    const batch = end === items.length ? items : items.slice(0, end)
    items = items.slice(end)
    sizes = sizes.slice(end)
    return { batch, total }
  }

  async function run(): Promise<void> {
    while (items.length > 0) {
      const { batch, total } = take()
      await process(batch, total)
    }
    running = false
    condition.check()
  }

  return {
    push(item, size = 0) {
      items.push(item)
      sizes.push(size)
      if (running) return
      running = true
      setImmediate(run)
    },
    clear() {
      items = []
      sizes = []
    },
    idle: () => condition.when(() => !running),
  }
}

/**
 * Yields to the event loop after every `size` callers, so that many promises that resolve together do not block it. The
 * first `size` callers of a turn resolve at once, the next `size` one turn later, and so on, in order.
 */
export function createYieldEvery(size: number): () => Promise<void> {
  let waiting: (() => void)[] = []
  let free = size
  let isScheduled = false

  function nextTurn(): void {
    const now = waiting.slice(0, size)
    waiting = waiting.slice(size)
    free = size - now.length
    for (const resolve of now) resolve()
    if (now.length > 0) setImmediate(nextTurn)
    else isScheduled = false
  }

  return () => {
    if (!isScheduled) {
      isScheduled = true
      setImmediate(nextTurn)
    }
    if (free > 0) {
      free--
      return Promise.resolve()
    }
    return new Promise((resolve) => waiting.push(resolve))
  }
}

/**
 * Lets the event loop turn between the work of many that were woken at once: resolves for the first `size` callers of a
 * turn at once, for each next `size` a turn later, in order.
 */
export function createSpread(size: number): () => Promise<void> {
  let waiting: (() => void)[] = []
  let free = size
  let isTurning = false

  function turn(): void {
    const now = waiting.slice(0, size)
    waiting = waiting.slice(size)
    free = size - now.length
    for (const go of now) go()
    if (now.length > 0) setImmediate(turn)
    else isTurning = false
  }

  return () => {
    if (!isTurning) {
      isTurning = true
      setImmediate(turn)
    }
    if (free > 0) {
      free--
      return Promise.resolve()
    }
    return new Promise((resolve) => waiting.push(resolve))
  }
}

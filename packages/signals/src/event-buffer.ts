/** A bounded queue between an emitter that never waits and a loop that may be slow: past the bound the oldest goes. */
export interface EventBuffer<Event> {
  push(event: Event): void
  /** What waits is still delivered; then the loop ends. */
  finish(): void
  /** Drops what waits and ends the loop at once. */
  discard(): void
  next(): Promise<IteratorResult<Event, undefined>>
  /** Events that were dropped, oldest first, since the loop was too slow. */
  readonly dropped: number
  readonly queued: number
}

export interface EventBufferOptions {
  readonly maxQueued: number
  /** Called at the first drop after the loop had caught up. */
  readonly onBurst: () => void
  readonly onDrop: () => void
}

export function createEventBuffer<Event>(options: EventBufferOptions): EventBuffer<Event> {
  const { maxQueued, onBurst, onDrop } = options
  // A ring: neither a drop at the front nor a read moves the others.
  const ring: (Event | undefined)[] = []
  let head = 0
  let queued = 0
  let dropped = 0
  let inBurst = false
  let finished = false
  let waiting: ((result: IteratorResult<Event, undefined>) => void)[] = []

  function take(): Event {
    const event = ring[head] as Event
    ring[head] = undefined
    head = (head + 1) % maxQueued
    queued--
    return event
  }

  function finish(): void {
    finished = true
    const ended = waiting
    waiting = []
    for (const resolve of ended) resolve({ done: true, value: undefined })
  }

  return {
    push(event) {
      if (finished) return
      const waiter = waiting.shift()
      if (waiter) return waiter({ done: false, value: event })
      const full = queued === maxQueued
      if (full) take()
      ring[(head + queued) % maxQueued] = event
      queued++
      if (!full) return
      dropped++
      const first = !inBurst
      inBurst = true
      // The event is safe by now, whatever a logger or a counter does.
      onDrop()
      if (first) onBurst()
    },
    finish,
    discard() {
      ring.length = 0
      head = 0
      queued = 0
      finish()
    },
    next() {
      if (queued > 0) {
        const value = take()
        if (queued === 0) inBurst = false
        return Promise.resolve({ done: false, value })
      }
      if (finished) return Promise.resolve({ done: true, value: undefined })
      return new Promise((resolve) => waiting.push(resolve))
    },
    get dropped() {
      return dropped
    },
    get queued() {
      return queued
    },
  }
}

/** So many places: who enters takes one and gives it back with `leave`. */
export interface Semaphore {
  /** Takes a place if one is free and nobody waits for it; false: none is. */
  tryEnter(): boolean
  /** Resolves with a place, first come, first served. */
  enter(): Promise<void>
  leave(): void
  /** Places taken. */
  readonly taken: number
}

export function createSemaphore(places: number): Semaphore {
  const waiting: (() => void)[] = []
  let taken = 0

  function tryEnter(): boolean {
    if (taken >= places) return false
    taken++
    return true
  }

  return {
    tryEnter,
    enter: () => (tryEnter() ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    leave() {
      const next = waiting.shift()
      // The place goes from hand to hand: nobody can take it in between.
      if (next === undefined) taken--
      else next()
    },
    get taken() {
      return taken
    },
  }
}

/** A condition variable: callers wait until a state holds, and whoever changes the state says so. */
export interface Condition {
  /** Resolves once `holds()` is true: at once if it is, else at the first `check()` that finds it so. */
  when(holds: () => boolean): Promise<void>
  /** To be called after each change: resolves the waits whose state holds now, in the order they began. */
  check(): void
}

export function createCondition(): Condition {
  let waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = []
  return {
    when: (holds) =>
      holds() ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ holds, resolve })),
    check() {
      if (waiting.length === 0) return
      const still: typeof waiting = []
      for (const waiter of waiting) {
        if (waiter.holds()) waiter.resolve()
        else still.push(waiter)
      }
      waiting = still
    },
  }
}

/** Wakes everyone who waits for the next change. A change that nobody waits for is not remembered. */
export interface ChangeSignal {
  notify(): void
  next(): Promise<void>
}

export function createChangeSignal(): ChangeSignal {
  let waiting: (() => void)[] = []
  return {
    notify() {
      const woken = waiting
      waiting = []
      for (const wake of woken) wake()
    },
    next: () =>
      new Promise((resolve) => {
        waiting.push(resolve)
      }),
  }
}

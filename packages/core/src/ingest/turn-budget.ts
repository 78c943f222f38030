/**
 * Keeps large messages that come one after the other from holding the event loop: once they have taken their share of a
 * turn, the source has to wait for the next one.
 */
export interface TurnBudget {
  /** Runs `work` and counts its time. */
  run<Result>(work: () => Result): Result
  readonly isSpent: boolean
  /** Resolves in the next turn; at once while there is some left of this one. */
  nextTurn(): Promise<void>
}

/** `budget`: milliseconds a turn. */
export function createTurnBudget(budget: number): TurnBudget {
  let spent = 0
  let next: Promise<void> | null = null

  function turn(): Promise<void> {
    next ??= new Promise((resolve) =>
      setImmediate(() => {
        spent = 0
        next = null
        resolve()
      }),
    )
    return next
  }

  return {
    run(work) {
      const started = performance.now()
      try {
        return work()
      } finally {
        spent += performance.now() - started
        void turn()
      }
    },
    get isSpent() {
      return spent >= budget
    },
    async nextTurn() {
      if (spent >= budget) await turn()
    },
  }
}

import { createSemaphore, withTimeout } from '@devicehub-internal/async'
export interface BoundedOptions {
  /** Tasks that may run at the same time. */
  readonly max: number
  /** Milliseconds until `run` resolves without the result of the task. */
  readonly timeout: number
  /**
   * When the slot is free again. `answered`: when `run` resolves, for tasks with a time limit of their own. `settled`:
   * when the task itself ends, for code without one: a task that hangs keeps its slot.
   */
  readonly until: 'answered' | 'settled'
  readonly onShed: (why: 'full' | 'late') => unknown
}

export interface Bounded {
  /** The result of the task; `shed` when no slot is free or the time is over. Rejects when the task does. */
  run<T>(work: () => Promise<T>, shed: T): Promise<T>
  readonly pending: number
}

/** Load shedding: bounds how many tasks run and for how long. Beyond that it answers `shed` at once instead of late. */
export function createBounded({ max, timeout, until, onShed }: BoundedOptions): Bounded {
  const slots = createSemaphore(max)
  return {
    async run(work, shed) {
      if (!slots.tryEnter()) {
        onShed('full')
        return shed
      }
      const working = (async () => work())()
      if (until === 'settled') working.then(slots.leave, slots.leave)
      try {
        return await withTimeout(timeout, working, () => {
          onShed('late')
          return shed
        })
      } finally {
        if (until === 'answered') slots.leave()
      }
    },
    get pending() {
      return slots.taken
    },
  }
}

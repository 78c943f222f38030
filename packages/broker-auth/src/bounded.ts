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
  /**
   * The result of the task; `shed` when no slot is free, the tasks of this user name have their share of them, or the time is
   * over. Rejects when the task does.
   */
  run<T>(name: string, work: () => Promise<T>, shed: T): Promise<T>
  readonly pending: number
}

/** Tasks of one user name that may run in any case, so that a small bound is no bound for one device at work. */
const SHARE_MIN = 16

/** A tenth of the slots for one user name, so that a flood of it leaves the others their place; at least one is left. */
const shareOf = (max: number): number =>
  Math.max(1, Math.min(max - 1, Math.max(SHARE_MIN, Math.floor(max / 10))))

/** Load shedding: bounds how many tasks run and for how long. Beyond that it answers `shed` at once instead of late. */
export function createBounded({ max, timeout, until, onShed }: BoundedOptions): Bounded {
  const slots = createSemaphore(max)
  const share = shareOf(max)
  /** Running tasks of each user name; only of those that have some. */
  const running = new Map<string, number>()

  function tryEnter(name: string): boolean {
    const own = running.get(name) ?? 0
    if (own >= share || !slots.tryEnter()) return false
    running.set(name, own + 1)
    return true
  }

  function leave(name: string): void {
    slots.leave()
    const left = (running.get(name) ?? 1) - 1
    if (left === 0) running.delete(name)
    else running.set(name, left)
  }

  return {
    async run(name, work, shed) {
      if (!tryEnter(name)) {
        onShed('full')
        return shed
      }
      const working = (async () => work())()
      const ended = () => leave(name)
      if (until === 'settled') working.then(ended, ended)
      try {
        return await withTimeout(timeout, working, () => {
          onShed('late')
          return shed
        })
      } finally {
        if (until === 'answered') ended()
      }
    },
    get pending() {
      return slots.taken
    },
  }
}

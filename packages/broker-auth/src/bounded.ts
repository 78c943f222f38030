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
  let pending = 0
  return {
    async run(work, shed) {
      if (pending >= max) {
        onShed('full')
        return shed
      }
      pending++
      let timer: ReturnType<typeof setTimeout> | undefined
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(resolve, timeout, 'late')
      })
      const working = (async () => ({ result: await work() }))()
      if (until === 'settled') working.then(leave, leave)
      try {
        const first = await Promise.race([working, late])
        if (first !== 'late') return first.result
        onShed('late')
        return shed
      } finally {
        clearTimeout(timer)
        if (until === 'answered') leave()
      }
    },
    get pending() {
      return pending
    },
  }

  function leave(): void {
    pending--
  }
}

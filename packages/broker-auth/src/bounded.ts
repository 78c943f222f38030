export interface BoundedOptions {
  /** At once. */
  readonly max: number
  /** Milliseconds until it is answered without its result. */
  readonly timeout: number
  /**
   * When its place is free again: `answered`, for work that bounds itself, or `settled`, for work that nobody else
   * bounds: what hangs keeps its place.
   */
  readonly until: 'answered' | 'settled'
  readonly onShed: (why: 'full' | 'late') => unknown
}

export interface Bounded {
  /** What the work resolves with; `shed` instead when there is no place or no time. Rejects as the work does, in time. */
  run<T>(work: () => Promise<T>, shed: T): Promise<T>
  readonly pending: number
}

/** So much at once, each for so long: under a load past that the answer is no, at once, instead of late. */
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

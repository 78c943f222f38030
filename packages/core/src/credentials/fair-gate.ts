import { DeviceHubError } from '../model/errors.js'

/** What one share may have of a gate. */
export interface ShareLimits {
  /** At once. */
  readonly running: number
  readonly waiting: number
  /** Milliseconds after which a task that waits is refused: nobody waits for it any more. */
  readonly patience: number
}

/**
 * Lets so many tasks run at once. The others wait, those of one share in order of arrival; the shares take turns, so that
 * none of them can keep the others out, however much it asks for.
 */
export interface FairGate {
  /**
   * `queue_full` past the limits of the share or of the gate, or when the patience ends; `closed` for those that wait when
   * it closes. `rest` says of the result for how many milliseconds the place in the share stays taken: the place in the gate
   * is free at once.
   */
  run<Result>(share: string, task: () => Promise<Result>, rest?: (result: Result) => number): Promise<Result>
  close(): void
}

export interface FairGateOptions {
  /** For messages of errors. */
  readonly name: string
  readonly concurrency: number
  readonly maxWaiting: number
  readonly limitsOf: (share: string) => ShareLimits
}

interface Waiter {
  readonly enter: () => void
  readonly refuse: (error: Error) => void
}

interface Share {
  readonly limits: ShareLimits
  readonly waiting: Set<Waiter>
  running: number
}

export function createFairGate({ name, concurrency, maxWaiting, limitsOf }: FairGateOptions): FairGate {
  /** In the order of their turns; only those that have something running or waiting. */
  const shares = new Map<string, Share>()
  let running = 0
  let waiting = 0
  let closed = false

  const shareOf = (key: string): Share =>
    shares.get(key) ?? { limits: limitsOf(key), waiting: new Set(), running: 0 }

  async function enter(key: string): Promise<Share> {
    if (closed) throw closedError()
    const share = shareOf(key)
    // Whoever could run does so already: where there is room, nobody of the share waits before this one.
    if (running < concurrency && mayRun(share)) start(key, share)
    else await queue(key, share)
    return share
  }

  function start(key: string, share: Share): void {
    running++
    share.running++
    toTheEnd(key, share)
  }

  /** Its next turn comes after that of all who wait. */
  function toTheEnd(key: string, share: Share): void {
    shares.delete(key)
    shares.set(key, share)
  }

  function queue(key: string, share: Share): Promise<void> {
    const { limits } = share
    if (share.waiting.size >= limits.waiting) throw full(`${limits.waiting} ${name} of one user name wait`)
    if (waiting >= maxWaiting && !takeFromLongest(share)) throw full(`${maxWaiting} ${name} wait`)
    return new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { enter: () => leaveQueue(() => resolve(start(key, share))), refuse }
      const late = () => refuse(full(`no place among the ${name} came free within ${limits.patience} ms`))
      const timer = Number.isFinite(limits.patience) ? setTimeout(late, limits.patience) : undefined

      function refuse(error: Error): void {
        leaveQueue(() => reject(error))
      }
      function leaveQueue(end: () => void): void {
        clearTimeout(timer)
        share.waiting.delete(waiter)
        waiting--
        end()
        forgetIdle(key, share)
      }
      share.waiting.add(waiter)
      // Where it is, when it is there.
      shares.set(key, share)
      waiting++
    })
  }

  /** The share with the most that wait gives up its last place for one that has fewer. */
  function takeFromLongest(share: Share): boolean {
    let longest = share
    for (const one of shares.values()) if (one.waiting.size > longest.waiting.size) longest = one
    if (longest.waiting.size < share.waiting.size + 2) return false
    const last = [...longest.waiting].at(-1)
    last?.refuse(full(`${maxWaiting} ${name} wait`))
    return true
  }

  function admit(): void {
    for (const share of shares.values()) {
      if (running >= concurrency) return
      const [first] = share.waiting
      // What runs goes to the end of the map, where this comes to it once more.
      if (first !== undefined && mayRun(share)) first.enter()
    }
  }

  function leave(key: string, share: Share, rest: number): void {
    running--
    toTheEnd(key, share)
    const rested = () => {
      share.running--
      forgetIdle(key, share)
      admit()
    }
    if (rest <= 0 || closed) rested()
    else {
      setTimeout(rested, rest).unref()
      admit()
    }
  }

  function forgetIdle(key: string, share: Share): void {
    if (share.running === 0 && share.waiting.size === 0) shares.delete(key)
  }

  const closedError = () => new DeviceHubError('closed', `the hub is closed: it makes no more ${name}`)

  return {
    async run(key, task, rest = () => 0) {
      const share = await enter(key)
      let pause = 0
      try {
        const result = await task()
        pause = rest(result)
        return result
      } finally {
        leave(key, share, pause)
      }
    },
    close() {
      closed = true
      for (const { waiting } of [...shares.values()]) for (const { refuse } of waiting) refuse(closedError())
    },
  }
}

const mayRun = ({ running, limits }: Share): boolean => running < limits.running

const full = (what: string) => new DeviceHubError('queue_full', `${what}; try again later`)

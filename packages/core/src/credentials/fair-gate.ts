import { DeviceHubError } from '../model/errors.js'

/** The limits of one share of the gate. */
export interface ShareLimits {
  /** Tasks that run at the same time. */
  readonly running: number
  /** Tasks in its queue. */
  readonly waiting: number
  /** A task that waits longer is refused: its caller has given up. */
  readonly waitTimeoutMs: number
}

/**
 * A semaphore with fair queues: a bounded number of tasks runs, the others wait. Each share (a user name) has a first in,
 * first out queue of its own, and the shares take turns (round robin), so that a flood on one does not starve the others.
 */
export interface FairGate {
  /**
   * Rejects with `queue_full` beyond the limits of the share or of the gate, or after `waitTimeoutMs`; with `closed` when
   * the gate closes before the task runs. `cooldown` returns for how many milliseconds after the result the share keeps its
   * slot; the slot of the gate is free at once.
   */
  run<Result>(
    share: string,
    task: () => Promise<Result>,
    cooldown?: (result: Result) => number,
  ): Promise<Result>
  close(): void
}

export interface FairGateOptions {
  /** What the tasks are, for error messages: `slow hashes`. */
  readonly name: string
  readonly concurrency: number
  readonly maxQueued: number
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

export function createFairGate({ name, concurrency, maxQueued, limitsOf }: FairGateOptions): FairGate {
  /** In the order of their turns; only shares with a running or waiting task. */
  const shares = new Map<string, Share>()
  let running = 0
  let waiting = 0
  let closed = false

  const shareOf = (key: string): Share =>
    shares.get(key) ?? { limits: limitsOf(key), waiting: new Set(), running: 0 }

  async function enter(key: string): Promise<Share> {
    if (closed) throw closedError()
    const share = shareOf(key)
    // Where a slot is free, nobody of this share waits: it would have run already.
    if (running < concurrency && mayRun(share)) start(key, share)
    else await queue(key, share)
    return share
  }

  function start(key: string, share: Share): void {
    running++
    share.running++
    moveToEnd(key, share)
  }

  /** Its next turn comes after those of all other shares. */
  function moveToEnd(key: string, share: Share): void {
    shares.delete(key)
    shares.set(key, share)
  }

  function queue(key: string, share: Share): Promise<void> {
    const { limits } = share
    if (share.waiting.size >= limits.waiting) throw full(`${limits.waiting} ${name} of one user name wait`)
    if (waiting >= maxQueued && !takeFromLongest(share)) throw full(`${maxQueued} ${name} wait`)
    return new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { enter: () => leaveQueue(() => resolve(start(key, share))), refuse }
      const late = () => refuse(full(`no slot for ${name} came free within ${limits.waitTimeoutMs} ms`))
      const timer = Number.isFinite(limits.waitTimeoutMs) ? setTimeout(late, limits.waitTimeoutMs) : undefined

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
      // Keeps its place where the share is in the map already.
      shares.set(key, share)
      waiting++
    })
  }

  /** Refuses the last waiter of the longest queue in favour of a share with a shorter one. False: no queue is longer. */
  function takeFromLongest(share: Share): boolean {
    let longest = share
    for (const one of shares.values()) if (one.waiting.size > longest.waiting.size) longest = one
    if (longest.waiting.size < share.waiting.size + 2) return false
    const last = [...longest.waiting].at(-1)
    last?.refuse(full(`${maxQueued} ${name} wait`))
    return true
  }

  function admit(): void {
    for (const share of shares.values()) {
      if (running >= concurrency) return
      const [first] = share.waiting
      // A share that starts a task moves to the end of the map, so this loop comes to it again.
      if (first !== undefined && mayRun(share)) first.enter()
    }
  }

  function leave(key: string, share: Share, cooldownMs: number): void {
    running--
    moveToEnd(key, share)
    const release = () => {
      share.running--
      forgetIdle(key, share)
      admit()
    }
    if (cooldownMs <= 0 || closed) release()
    else {
      setTimeout(release, cooldownMs).unref()
      admit()
    }
  }

  function forgetIdle(key: string, share: Share): void {
    if (share.running === 0 && share.waiting.size === 0) shares.delete(key)
  }

  const closedError = () => new DeviceHubError('closed', `the hub is closed: it runs no more ${name}`)

  return {
    async run(key, task, cooldown = () => 0) {
      const share = await enter(key)
      let cooldownMs = 0
      try {
        const result = await task()
        cooldownMs = cooldown(result)
        return result
      } finally {
        leave(key, share, cooldownMs)
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

import { DeviceHubError } from '../errors.js'

/** Lets so many tasks run at once; the others wait in order of arrival, and past `maxWaiting` they are refused. */
export interface Gate {
  /** `queue_full`; `closed` for those that wait when it closes. */
  run<Result>(task: () => Promise<Result>): Promise<Result>
  close(): void
}

export interface GateOptions {
  /** For messages of errors. */
  readonly name: string
  readonly concurrency: number
  readonly maxWaiting: number
}

interface Waiter {
  readonly enter: () => void
  readonly refuse: (error: Error) => void
}

export function createGate({ name, concurrency, maxWaiting }: GateOptions): Gate {
  const waiting: Waiter[] = []
  let running = 0
  let closed = false

  async function enter(): Promise<void> {
    if (closed) throw closedError()
    if (running < concurrency) {
      running++
      return
    }
    if (waiting.length >= maxWaiting)
      throw new DeviceHubError('queue_full', `${maxWaiting} ${name} wait already; try again later`)
    // Who leaves hands its place over: `running` stays.
    await new Promise<void>((resolve, reject) => waiting.push({ enter: resolve, refuse: reject }))
  }

  function leave(): void {
    const next = waiting.shift()
    if (next === undefined) running--
    else next.enter()
  }

  const closedError = () => new DeviceHubError('closed', `the hub is closed: it makes no more ${name}`)

  return {
    async run(task) {
      await enter()
      try {
        return await task()
      } finally {
        leave()
      }
    },
    close() {
      closed = true
      for (const { refuse } of waiting.splice(0)) refuse(closedError())
    },
  }
}

import { createBatcher, createCondition } from '@devicehub-internal/async'
import { queueFull } from '../publish-errors.js'

export interface GroupCommitOptions {
  readonly maxQueued: number
  readonly maxQueuedBytes: number
  /** Stores them, in order; for each what went wrong, or null. Never rejects. */
  readonly write: (bodies: readonly Buffer[]) => Promise<readonly (Error | null)[]>
}

/** Whatever arrives while the disk is busy is written with one fsync: the busier the disk, the larger the groups. */
export interface GroupCommit {
  /** Resolves when it is on disk. `queue_full` at once when too much waits for the disk. */
  push(bodies: readonly Buffer[], signal?: AbortSignal): Promise<void>
  room(): Promise<void>
  /** Resolves when nothing waits for the disk. */
  idle(): Promise<void>
}

interface Waiting {
  readonly bodies: readonly Buffer[]
  readonly bytes: number
  readonly signal: AbortSignal | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const condition = createCondition()
  const waiting = createBatcher<Waiting>({ process: write })
  let count = 0
  let bytes = 0

  const hasRoom = () => count < options.maxQueued && bytes < options.maxQueuedBytes

  async function write(all: readonly Waiting[]): Promise<void> {
    const group = all.filter(({ signal }) => !signal?.aborted)
    const results = await options.write(group.flatMap(({ bodies }) => bodies))
    let at = 0
    for (const item of group) {
      const failure = results.slice(at, at + item.bodies.length).find((error) => error !== null)
      at += item.bodies.length
      if (failure === undefined) item.resolve()
      else item.reject(failure)
    }
    for (const item of all) {
      count -= item.bodies.length
      bytes -= item.bytes
    }
    condition.check()
  }

  return {
    push(bodies, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason)
      if (!hasRoom()) return Promise.reject(queueFull(count, bytes))
      return new Promise((resolve, reject) => {
        const abort = () => reject(signal?.reason)
        const forget = () => signal?.removeEventListener('abort', abort)
        const size = bodies.reduce((sum, body) => sum + body.byteLength, 0)
        waiting.push({
          bodies,
          bytes: size,
          signal,
          resolve: () => {
            forget()
            resolve()
          },
          reject: (error) => {
            forget()
            reject(error)
          },
        })
        count += bodies.length
        bytes += size
        signal?.addEventListener('abort', abort)
      })
    },
    room: () => condition.when(hasRoom),
    idle: () => waiting.idle(),
  }
}

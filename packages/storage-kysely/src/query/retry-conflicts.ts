import { setTimeout as sleep } from 'node:timers/promises'
import { classify } from '../storage-error.js'

const PATIENCE = 5000

/** Retries the whole work after a deadlock, a serialization failure or a busy SQLite. */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE
  for (let attempt = 1; ; attempt++)
    try {
      return await work()
    } catch (error) {
      if (classify(error) !== 'conflict' || (attempt >= 8 && performance.now() > giveUpAt)) throw error
      await sleep(Math.random() * Math.min(50, 2 ** attempt))
    }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { classify } from '../storage-error.js'

const PATIENCE = 5000

/** Deadlocks, serialization failures and a busy SQLite pass: the work is done again, whole. */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  const giveUpAt = Date.now() + PATIENCE
  for (let attempt = 1; ; attempt++)
    try {
      return await work()
    } catch (error) {
      if (classify(error) !== 'conflict' || (attempt >= 8 && Date.now() > giveUpAt)) throw error
      await sleep(Math.random() * Math.min(50, 2 ** attempt))
    }
}

import { sleep } from '@devicehub-internal/async'
import type { SqlDialect } from '../schema/logical-type.js'

/** Rows deleted by one statement. Each holds up the inserts behind it for as long as it takes, on SQLite all of them. */
export const stepOf = (dialect: SqlDialect): number => (dialect === 'sqlite' ? 2_000 : 5_000)

/** Deletes in steps, between which others write. */
export interface DeleteSteps {
  /** Somebody asked to stop. */
  readonly stopped: boolean
  /** One step, and the pause behind it; returns how many rows it deleted. */
  run(step: () => Promise<number>): Promise<number>
}

export function createDeleteSteps(pause: (tookMs: number) => Promise<boolean> = asLong): DeleteSteps {
  let stopped = false
  return {
    get stopped() {
      return stopped
    },
    async run(step) {
      const started = performance.now()
      const deleted = await step()
      if (deleted > 0) stopped = !(await pause(performance.now() - started))
      return deleted
    },
  }
}

/** Half of the time is for others. */
async function asLong(tookMs: number): Promise<boolean> {
  await sleep(tookMs)
  return true
}

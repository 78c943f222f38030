import { readFileSync } from 'node:fs'
import { DEVICES, isPoison } from './workload.js'

/** A batch that a handler was done with, as far as it knew. */
interface Line {
  /** Process and epoch. */
  readonly run: string
  readonly sequences: readonly number[]
}

export interface LedgerFindings {
  readonly batches: number
  readonly handled: number
  /** Messages that no handler was done with, though they can be handled. */
  readonly lost: number
  /** Messages that two runs were done with. */
  readonly handledAgain: number
  /** Of these, those that were not in the last batch of the earlier run. */
  readonly beyondTheLastBatch: number
  /** Messages whose first time came after a later one of the same device. */
  readonly outOfOrder: number
}

/** Reads what the handlers of all runs wrote down, against the promise: at least once, in order per device. */
export function readLedger(file: string, count: number): LedgerFindings {
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  const lastOf = new Map(lines.map((line, index) => [line.run, index]))
  const seen = new Map<number, number>()
  const latest = new Array<number>(DEVICES).fill(-1)
  let handledAgain = 0
  let beyondTheLastBatch = 0
  let outOfOrder = 0
  lines.forEach(({ sequences }, index) => {
    for (const sequence of sequences) {
      const before = seen.get(sequence)
      seen.set(sequence, index)
      if (before !== undefined) {
        handledAgain++
        if (lastOf.get(lines[before]?.run ?? '') !== before) beyondTheLastBatch++
        continue
      }
      const device = sequence % DEVICES
      if (sequence < (latest[device] as number)) outOfOrder++
      latest[device] = Math.max(latest[device] as number, sequence)
    }
  })
  let lost = 0
  for (let n = 0; n < count; n++) if (!seen.has(n) && !isPoison(n)) lost++
  return { batches: lines.length, handled: seen.size, lost, handledAgain, beyondTheLastBatch, outOfOrder }
}

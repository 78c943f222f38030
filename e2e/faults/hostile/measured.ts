import type { StorageAdapter } from '@devicehub/core'
import type { CommitBatch } from '@devicehub/core/storage'
import { Probe } from '../workload.js'

/** Milliseconds from the moment a healthy device made a sample to the moment its commit was done. */
export interface Delays {
  readonly samples: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface Meter {
  readonly adapter: StorageAdapter
  /** Of the samples that were made since the last call, which begins anew. */
  take(): Delays
}

/** Looks at each commit of healthy devices. All processes of a run share the clock of their machine. */
export function measured(adapter: StorageAdapter): Meter {
  let since = Date.now()
  let delays: number[] = []

  function note(batch: CommitBatch): void {
    const now = Date.now()
    for (const { type, samples } of batch.entries)
      if (type === Probe)
        for (const { timestamp } of samples) if (timestamp >= since) delays.push(now - timestamp)
  }

  return {
    adapter: {
      ...adapter,
      open(context) {
        const storage = adapter.open(context)
        return {
          ...storage,
          async commit(batch) {
            const result = await storage.commit(batch)
            note(batch)
            return result
          },
        }
      },
    },
    take() {
      const sorted = delays.sort((a, b) => a - b)
      const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
      const result = { samples: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }
      since = Date.now()
      delays = []
      return result
    },
  }
}

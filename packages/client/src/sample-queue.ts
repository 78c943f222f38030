import type { Publisher } from './publisher.js'
import { splitBatch } from './split-batch.js'

export type EncodedSample = Readonly<Record<string, unknown>>

export interface SampleQueueStats {
  readonly delivered: number
  readonly dropped: number
  readonly corrupt: number
  readonly torn: number
  readonly setAside: number
  /** Where they differ from the publisher's. */
  readonly queued?: number
  readonly queuedBytes?: number
}

/** Where samples wait between `record()` and the broker. */
export interface SampleQueue {
  /** Milliseconds that `close()` gives it by default. */
  readonly closeTimeout: number
  /** Whether it takes samples before `connect()`. */
  readonly takesOffline: boolean
  /** False: samples cannot be recorded for now, which was reported; all else works. */
  open(): Promise<boolean>
  record(sample: EncodedSample, signal?: AbortSignal): Promise<void>
  recordBatch(samples: readonly EncodedSample[], signal?: AbortSignal): Promise<void>
  room(): Promise<void>
  resume(): void
  pause(): void
  /** Resolves when nothing waits, or nothing can be sent now and what waits is safe. */
  idle(): Promise<void>
  /** Nothing further is sent; resolves when all is put away. */
  close(): Promise<void>
  stats(): SampleQueueStats
}

export interface MemoryQueueOptions {
  readonly publisher: Publisher
  readonly topic: string
  readonly encode: (value: unknown) => Uint8Array
  readonly maxBatchSamples: number
  readonly maxBatchBytes: number
  /** Throws where the client was closed meanwhile. */
  readonly assertOpen: () => void
}

/** Samples wait in memory, and go with the process. */
export function createMemoryQueue(options: MemoryQueueOptions): SampleQueue {
  const { publisher, topic, encode } = options
  let delivered = 0
  const nothing = async () => {}
  return {
    closeTimeout: 10_000,
    takesOffline: false,
    open: async () => true,
    async record(sample, signal) {
      await publisher.push(topic, encode(sample), signal)
      delivered++
    },
    async recordBatch(samples, signal) {
      const batches = splitBatch(samples, {
        maxSamples: options.maxBatchSamples,
        maxBytes: options.maxBatchBytes,
        sizeOf: (sample) => encode(sample).byteLength,
      })
      for (const batch of batches) {
        await publisher.room()
        options.assertOpen()
        await publisher.push(topic, encode(batch), signal)
        delivered += batch.length
      }
    },
    room: publisher.room,
    resume: () => {},
    pause: () => {},
    idle: publisher.idle,
    close: nothing,
    stats: () => ({ delivered, dropped: 0, corrupt: 0, torn: 0, setAside: 0 }),
  }
}

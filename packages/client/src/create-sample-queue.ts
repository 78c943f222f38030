import type { Codec, DeviceHubError } from '@devicehub/core/definition'
import { encodeWith } from '@devicehub/core/transport'
import { createDurableQueue } from './outbox/durable-queue.js'
import type { Publisher } from './publisher.js'
import type { ResolvedOptions } from './resolve-options.js'
import { createMemoryQueue, type SampleQueue } from './sample-queue.js'

export interface SampleQueueContext {
  readonly publisher: Publisher
  readonly topic: string
  readonly codec: Codec
  /** Throws where the client was closed meanwhile. */
  readonly assertOpen: () => void
  readonly onError: (error: DeviceHubError) => void
}

/** In memory or on disk, as the options say. */
export function createSampleQueue(options: ResolvedOptions, context: SampleQueueContext): SampleQueue {
  const { outbox, maxBatchSamples, maxBatchBytes } = options
  const { codec } = context
  if (outbox === 'memory')
    return createMemoryQueue({
      ...context,
      encode: (value) => encodeWith(codec, value, { channel: 'data' }),
      maxBatchSamples,
      maxBatchBytes,
    })
  return createDurableQueue({
    ...context,
    ...outbox,
    maxQueued: options.maxQueued,
    maxQueuedBytes: options.maxQueuedBytes,
    maxBatchSamples,
    maxBatchBytes,
    maxAttempts: options.maxAttempts,
  })
}

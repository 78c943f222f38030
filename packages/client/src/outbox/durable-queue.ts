import { type Codec, type DeviceHubError, isDeviceHubError } from '@devicehub/core/definition'
import type { Publisher } from '../publisher.js'
import type { SampleQueue } from '../sample-queue.js'
import { createDelivery, type Delivery } from './delivery.js'
import { type Outbox, openOutbox } from './outbox.js'
import { workingWithout } from './outbox-errors.js'
import { encodeBody, payloadOf } from './sample-body.js'
import { setAside } from './set-aside.js'

export interface DurableQueueOptions {
  readonly folder: string
  readonly maxBytes: number
  readonly drop: 'oldest' | 'newest'
  readonly publisher: Publisher
  readonly topic: string
  readonly codec: Codec
  readonly maxQueued: number
  readonly maxQueuedBytes: number
  readonly maxBatchSamples: number
  readonly maxBatchBytes: number
  readonly maxAttempts: number
  readonly onError: (error: DeviceHubError) => void
}

const EMPTY = { queued: 0, queuedBytes: 0, delivered: 0, dropped: 0, corrupt: 0, torn: 0, setAside: 0 }

/** Samples wait on disk. The folder is opened when it is first needed, and tried again where that failed. */
export function createDurableQueue(options: DurableQueueOptions): SampleQueue {
  const { folder, publisher, topic, codec } = options
  let opening: Promise<Outbox> | null = null
  let outbox: Outbox | null = null
  let delivery: Delivery | null = null
  let up = false

  function open(): Promise<Outbox> {
    opening ??= openOutbox(options).then(
      (opened) => {
        outbox = opened
        delivery = createDelivery({
          outbox: opened,
          maxSamples: options.maxBatchSamples,
          maxBytes: options.maxBatchBytes,
          maxAttempts: options.maxAttempts,
          publish: async (bodies, maxLosses) =>
            publisher.push(topic, payloadOf(bodies, codec), undefined, {}, maxLosses),
          setAside: (body, reason) => setAside(folder, body, reason),
          onError: options.onError,
        })
        if (up) delivery.resume()
        return opened
      },
      (error) => {
        opening = null
        throw error
      },
    )
    return opening
  }

  return {
    closeTimeout: 2_000,
    takesOffline: true,
    async open() {
      try {
        await open()
        return true
      } catch (error) {
        if (!isDeviceHubError(error) || error.code !== 'outbox_failed') throw error
        options.onError(workingWithout(error))
        return false
      }
    },
    async record(sample, signal) {
      const body = encodeBody(sample)
      const opened = await open()
      await opened.append([body], signal)
    },
    async recordBatch(samples, signal) {
      const bodies = samples.map(encodeBody)
      const opened = await open()
      await opened.append(bodies, signal)
    },
    async room() {
      await outbox?.room()
    },
    resume() {
      up = true
      delivery?.resume()
      // What waits there is sent once the disk works again, without waiting for a new sample.
      if (outbox === null) open().catch(() => {})
    },
    pause() {
      up = false
      delivery?.pause()
    },
    async idle() {
      await outbox?.flush()
      if (up) await Promise.all([delivery?.idle(), publisher.idle()])
    },
    async close() {
      const opened = await opening?.catch(() => null)
      await delivery?.stop()
      await opened?.close()
    },
    stats: () => outbox?.stats() ?? EMPTY,
  }
}

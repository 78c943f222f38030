import { DeviceHubError, isDeviceHubError } from '@devicehub/core/definition'
import { createBackoff, sleep } from '@devicehub-internal/async'
import type { Outbox } from './outbox.js'
import { nobodyBlamed } from './outbox-errors.js'
import type { StoredRecord } from './record-format.js'
import type { StoredBatch } from './segment-reader.js'
import { createTrial } from './trial.js'

export interface DeliveryOptions {
  readonly outbox: Outbox
  readonly maxSamples: number
  readonly maxBytes: number
  /** Refusals of a single sample that may pass before it is set aside. */
  readonly maxAttempts: number
  /** Resolves when the broker has confirmed it. `maxLosses`: as of the publisher. */
  readonly publish: (bodies: readonly Buffer[], maxLosses?: number) => Promise<void>
  /** Writes a sample to `set-aside.jsonl`; resolves with the error to report. */
  readonly setAside: (body: Buffer, reason: DeviceHubError) => Promise<DeviceHubError>
  readonly onError: (error: DeviceHubError) => void
}

/** Sends what the outbox holds, in order: one message at a time, with all that waits and fits. */
export interface Delivery {
  /** There is a connection. */
  resume(): void
  /** Starts no further message. */
  pause(): void
  /** Resolves when all is delivered. */
  idle(): Promise<void>
  /** Resolves when no message is being sent. */
  stop(): Promise<void>
}

export function createDelivery(options: DeliveryOptions): Delivery {
  const { outbox, maxSamples } = options
  const backoff = createBackoff({ min: 1000, max: 60_000 })
  /** Samples in a message: fewer once one was refused, until the one that causes it is found. */
  let limit = maxSamples
  let refusals = 0
  const trial = createTrial(options)
  let up = false
  let stopped = false
  let running: Promise<void> | null = null
  let again = false
  let pausing = new AbortController()
  let onIdle: (() => void)[] = []

  async function run(): Promise<void> {
    while (up && !stopped) {
      let batch: StoredBatch | null
      try {
        batch = await outbox.read({ maxSamples: trial.isOpen ? 1 : limit, maxBytes: options.maxBytes })
      } catch (error) {
        options.onError(error as DeviceHubError)
        await pause()
        continue
      }
      if (batch === null) break
      // While it was read the connection may have gone, and with `stop` whoever would answer.
      if (!up || stopped) return outbox.giveBack(batch)
      await deliver(batch)
    }
  }

  async function deliver(batch: StoredBatch): Promise<void> {
    try {
      await options.publish(
        batch.records.map(({ body }) => body),
        trial.maxLosses(batch),
      )
    } catch (error) {
      return failed(batch, error)
    }
    outbox.settle(batch, 'delivered')
    trial.delivered(batch)
    limit = Math.min(maxSamples, limit * 2)
    refusals = 0
    backoff.reset()
  }

  async function failed(batch: StoredBatch, cause: unknown): Promise<void> {
    const error = isDeviceHubError(cause)
      ? cause
      : new DeviceHubError('publish_failed', `a sample cannot be sent: ${String(cause)}`, { cause })
    const [only] = batch.records
    // Not refused: it was not sent.
    if (error.code !== 'publish_failed') {
      outbox.giveBack(batch)
      if (!stopped) await pause()
      return
    }
    const blame = blameOf(error)
    if (blame !== 'none' && batch.records.length > 1) {
      limit = Math.ceil(batch.records.length / 2)
      return outbox.giveBack(batch)
    }
    if (only !== undefined && blame === 'lost') return lost(batch, only, error)
    if (
      only !== undefined &&
      (blame === 'sample' || (blame === 'perhaps' && ++refusals >= options.maxAttempts))
    ) {
      return setAside(batch, only, error)
    }
    outbox.giveBack(batch)
    options.onError(error)
    await pause()
  }

  async function setAside(batch: StoredBatch, { body }: StoredRecord, error: DeviceHubError): Promise<void> {
    refusals = 0
    const report = await options.setAside(body, error)
    outbox.settle(batch, 'setAside')
    options.onError(report)
  }

  /** Connections were lost with it alone. */
  async function lost(batch: StoredBatch, sample: StoredRecord, error: DeviceHubError): Promise<void> {
    outbox.giveBack(batch)
    const verdict = await trial.judge(sample)
    if (verdict === 'again' || stopped) return
    if (verdict === 'unknown') {
      options.onError(nobodyBlamed(error))
      return pause()
    }
    const same = await outbox.read({ maxSamples: 1, maxBytes: options.maxBytes }).catch(() => null)
    if (same === null) return
    // Dropped meanwhile, since the outbox was full.
    if (same.records[0]?.sequence !== sample.sequence) return outbox.giveBack(same)
    await setAside(same, sample, error)
  }

  /** Until it is time to try again; `stop` and a new connection end it. */
  function pause(): Promise<void> {
    pausing = new AbortController()
    return sleep(backoff.next(), pausing.signal)
  }

  const isIdle = () => outbox.stats().queued === 0

  function begin(): void {
    if (running !== null) again = true
    if (!up || stopped || running !== null) return
    again = false
    running = run().then(() => {
      running = null
      // A sample may have been added after the last read.
      if (again) return begin()
      if (!up) return
      for (const resolve of onIdle) resolve()
      onIdle = []
    })
  }

  outbox.onStored(begin)
  return {
    resume() {
      up = true
      pausing.abort()
      begin()
    },
    pause() {
      up = false
    },
    idle: () => (isIdle() ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
    async stop() {
      stopped = true
      pausing.abort()
      await running
    },
  }
}

/**
 * The cause of a refusal. `sample`: it can never be sent (too large, no payload the broker takes). `lost`: each time the
 * connection was lost with it, which may be the broker's or the network's fault. `perhaps`: the broker does not say why. `none`: all others would be refused as well,
 * such as for a lack of permission.
 */
function blameOf({ details }: DeviceHubError): 'sample' | 'lost' | 'perhaps' | 'none' {
  const { reasonCode, losses } = details
  if (losses !== undefined) return 'lost'
  if (reasonCode === undefined || reasonCode === 0x95 || reasonCode === 0x99) return 'sample'
  return reasonCode === null || reasonCode === 0x80 || reasonCode === 0x83 ? 'perhaps' : 'none'
}

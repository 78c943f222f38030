import { createBackoff, createWaker, doneWithin, sleep } from '@devicehub-internal/async'
import { claimOrWait, type HeldLease } from '../lease/hold-lease.js'
import { isDeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { Storage } from '../ports/storage.js'
import { createFaultLog } from '../rules/fault-log.js'
import type { ConsumeSettings } from './consume-settings.js'
import type { ConsumeHandler, Consumer } from './consumer.js'
import { createConsumerCounters } from './consumer-counters.js'
import { followLog } from './follow-log.js'
import type { MessageReader } from './read-message.js'

export interface ConsumerContext {
  readonly storage: Storage
  readonly read: MessageReader
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Unique for this run of the process. */
  readonly holder: string
}

export interface RunningConsumer extends Pick<Consumer, 'name' | 'stats'> {
  /** Default 10 s. */
  close(timeoutMs?: number): Promise<void>
  /** Something was stored by this process. */
  wake(): void
  /** The record was changed by this process. */
  look(): void
}

/** Runs a consumer whenever this process can have its lease, and stands by while another one has it. */
export function createConsumer(
  settings: ConsumeSettings,
  handler: ConsumeHandler,
  context: ConsumerContext,
): RunningConsumer {
  const { storage, logger } = context
  const { name } = settings
  const counters = createConsumerCounters(context.metrics, name)
  const waker = createWaker()
  const closing = new AbortController()
  const giveUp = new AbortController()
  const backoff = createBackoff({ min: 100, max: 5_000 })
  const faultLog = createFaultLog()
  let lookDue = false

  function look(): void {
    lookDue = true
    waker.wake()
  }

  const claim = () =>
    claimOrWait({
      leases: storage.leases,
      name: settings.lease,
      holder: context.holder,
      ttl: settings.ttl,
      logger,
      onRenewed: look,
    })

  async function standBy(wait: number): Promise<void> {
    if (counters.state !== 'standby')
      logger.info({ consumer: name }, `another process runs the consumer ${name}; this one stands by`)
    counters.state = 'standby'
    await sleep(wait, closing.signal)
  }

  async function runWith(lease: HeldLease): Promise<void> {
    // Not only between two batches: an idle one must notice at once.
    lease.lost.addEventListener('abort', waker.wake)
    try {
      await followLog({
        ...context,
        settings,
        handler,
        lease,
        counters,
        waker,
        closing: closing.signal,
        giveUp: giveUp.signal,
        takeLook() {
          const due = lookDue
          lookDue = false
          return due
        },
      })
    } finally {
      await lease.release()
    }
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        const claimed = await claim()
        if (typeof claimed === 'number') await standBy(claimed)
        else {
          held = claimed
          await runWith(claimed)
          held = null
        }
        backoff.reset()
        faultLog.works()
      } catch (error) {
        if (closing.signal.aborted) break
        counters.failed(error)
        // It is never opened again.
        const isOver = isDeviceHubError(error, 'closed')
        faultLog.failed(error, (fields, remedy) =>
          logger.error(
            { consumer: name, ...fields },
            `the consumer ${name} cannot go on${isOver ? '' : '; trying again'}${remedy === null ? '' : `: ${remedy}`}`,
          ),
        )
        if (isOver) break
        counters.state = 'retrying'
        await sleep(backoff.next(), closing.signal)
      }
    }
    counters.state = 'closed'
  }

  let held: HeldLease | null = null
  const running = run()
  let closed: Promise<void> | undefined

  async function close(timeoutMs: number): Promise<void> {
    closing.abort()
    waker.wake()
    if (await doneWithin(timeoutMs, running)) return
    logger.warn(
      { consumer: name },
      `the handler of the consumer ${name} still runs after ${timeoutMs} ms; its lease is left to expire`,
    )
    giveUp.abort(new DOMException('the consumer was closed', 'AbortError'))
    // Given back it would be handled elsewhere at once, beside the handler that still runs here.
    held?.abandon()
  }

  const consumer: RunningConsumer = {
    name,
    stats: counters.stats,
    wake: waker.wake,
    look,
    close: (timeoutMs = 10_000) => (closed ??= close(timeoutMs)),
  }
  return consumer
}

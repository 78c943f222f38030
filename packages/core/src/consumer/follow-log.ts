import type { Waker } from '@devicehub-internal/async'
import { type Backoff, createBackoff, sleep } from '@devicehub-internal/async'
import type { HeldLease } from '../lease/hold-lease.js'
import { isStorageFault } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { ConsumerRecord, NewFailure } from '../ports/consumers.js'
import type { Logger } from '../ports/logger.js'
import type { LogPage } from '../ports/messages.js'
import type { Storage } from '../ports/storage.js'
import { createFaultLog, type FaultLog } from '../rules/fault-log.js'
import { anySignal } from './any-signal.js'
import { createBisect } from './bisect.js'
import { callHandler, thrownLine } from './call-handler.js'
import type { ConsumeSettings } from './consume-settings.js'
import type { ConsumedMessage, ConsumeHandler } from './consumer.js'
import type { ConsumerCounters } from './consumer-counters.js'
import { createPageReader } from './page-reader.js'
import type { MessageReader } from './read-message.js'

export interface FollowOptions {
  readonly settings: ConsumeSettings
  readonly storage: Storage
  readonly read: MessageReader
  readonly handler: ConsumeHandler
  readonly lease: HeldLease
  readonly counters: ConsumerCounters
  readonly clock: Clock
  readonly logger: Logger
  readonly waker: Waker
  /** No further batch. */
  readonly closing: AbortSignal
  /** The handler that runs must end. */
  readonly giveUp: AbortSignal
  /** Whether the record is to be looked at: for gaps and retries that were asked for. Says so once. */
  readonly takeLook: () => boolean
}

/** Milliseconds before an idle consumer looks again; doubles up to `pollInterval`. */
const SHORTEST_POLL = 20
/** Retries asked for that are done before the log goes on. */
const RETRIES_AT_ONCE = 100

/**
 * Hands the log to the handler, batch by batch, and moves the cursor behind each one that is done: from the moment the
 * lease is held until it is lost or the consumer closes. Rejects when the database fails.
 */
export async function followLog(options: FollowOptions): Promise<void> {
  const { settings, storage, lease, counters, clock, logger, waker } = options
  const { name } = settings
  const { epoch } = lease.fence
  const fields = { consumer: name, epoch }
  const bisect = createBisect(settings.batch)
  const pages = createPageReader((from, limit) =>
    storage.log.read(settings.types, from, limit, settings.maxBatchBytes),
  )
  const backoff: Backoff = createBackoff(settings.delay)
  const handlerFaults = createFaultLog()
  const recordFaults = createFaultLog()
  const stop = anySignal(options.closing, lease.lost)
  const stopHandler = anySignal(options.giveUp, lease.lost)
  /** Failures since the cursor last moved, and how many of them with the first message alone. */
  let failures = 0
  let alone = 0
  let idle = SHORTEST_POLL
  let cursor: string | null = null

  /** False when another process has taken over. */
  async function work(page: LogPage): Promise<boolean> {
    const messages = page.messages.filter(isWanted).map(options.read)
    const failed = messages.length === 0 ? null : await call(messages, failures + 1)
    if (failed === null) return done(page, messages.length, [])
    failures++
    if (settings.isTransient(failed.error)) return again(failed.error)
    if (messages.length > 1) {
      bisect.failed(page.messages.length)
      return true
    }
    if (++alone < settings.tries) return again(failed.error)
    const [message] = messages as [ConsumedMessage]
    return setAside(page, message, failed.error)
  }

  const isWanted = ({ channel, status }: LogPage['messages'][number]) =>
    settings.statuses.has(status) && (settings.channels === null || settings.channels.has(channel))

  async function call(messages: readonly ConsumedMessage[], attempt: number) {
    const failed = await callHandler({
      handler: options.handler,
      messages,
      attempt,
      timeout: settings.timeout,
      stop: stopHandler.signal,
      onSlow: () =>
        logger.error(fields, `the consumer ${name} waits for its handler for ${settings.timeout} ms`),
    })
    if (failed === null) {
      backoff.reset()
      handlerFaults.works()
    } else counters.failed(failed.error)
    return failed
  }

  async function pause(error: unknown, what: string, log: FaultLog, until: AbortSignal): Promise<true> {
    const delay = backoff.next()
    counters.state = 'retrying'
    log.failed(error, (fault, remedy) =>
      logger.warn(
        { ...fields, ...fault, retryInMs: delay },
        `${what} of the consumer ${name} failed; trying again${remedy === null ? '' : `: ${remedy}`}`,
      ),
    )
    logger.debug({ ...fields, retryInMs: delay }, `${what} of the consumer ${name} is tried again`)
    await sleep(delay, until)
    counters.state = 'running'
    return true
  }

  const again = (error: unknown) => pause(error, 'the handler', handlerFaults, stop.signal)

  async function setAside(page: LogPage, message: ConsumedMessage, error: unknown): Promise<boolean> {
    const failure = failureOf(message, error, alone)
    logger.error(
      { ...fields, err: error, messageKey: message.key, deviceId: message.deviceId },
      `the consumer ${name} sets the message ${message.key} aside after ${alone} tries`,
    )
    const kept = await done(page, 0, [failure])
    if (kept) counters.setAside()
    return kept
  }

  const failureOf = (
    { ref, deviceId }: Pick<NewFailure, 'ref' | 'deviceId'>,
    error: unknown,
    attempts: number,
  ): NewFailure => ({
    ref,
    deviceId,
    error: thrownLine(error),
    attempts,
    failedAt: clock.now(),
  })

  /** Moves the cursor behind a page. False when another process has taken over. */
  async function done(page: LogPage, handled: number, setAside: readonly NewFailure[]): Promise<boolean> {
    const passed = page.messages.length
    const step = { name, epoch, from: cursor, to: page.cursor, passed, setAside, now: clock.now() }
    if (!(await persist(() => storage.consumers.advance(step)))) {
      const record = await persist(() => storage.consumers.get(name))
      if (record?.epoch !== epoch) return fenced(handled, record)
      // Either an advance whose answer was lost, or somebody has moved the cursor: then it goes on from there.
      if (record.cursor !== page.cursor) return moveTo(record.cursor)
    }
    moveTo(page.cursor)
    bisect.passed(passed)
    counters.handled(handled)
    counters.lagMs = Math.max(0, clock.now() - (page.messages.at(-1)?.receivedAt ?? 0))
    return true
  }

  function moveTo(next: string | null): true {
    cursor = next
    counters.cursor = next
    failures = 0
    alone = 0
    return true
  }

  function fenced(handled: number, record: ConsumerRecord | null): false {
    counters.fenced()
    const why = record === null ? 'it was deleted' : 'another process has taken it over'
    logger.warn({ ...fields, messages: handled }, `a batch of the consumer ${name} is not recorded: ${why}`)
    return false
  }

  /** What was handled must be recorded: while the database is away it is tried again, as long as the lease may be held. */
  async function persist<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const written = await write()
        recordFaults.works()
        return written
      } catch (error) {
        if (!isStorageFault(error) || lease.lost.aborted || options.giveUp.aborted) throw error
        // Also while it closes: what is done already is still to be recorded.
        await pause(error, 'a record', recordFaults, stopHandler.signal)
      }
    }
  }

  /** At each renewal: what other processes did to the record. */
  async function look(): Promise<void> {
    const record = await storage.consumers.get(name)
    if (record === null || record.epoch !== epoch) return
    noteRecord(record)
    if (record.cursor !== cursor) moveTo(record.cursor)
    await retryFailures(record)
  }

  function noteRecord({ missed }: ConsumerRecord): void {
    const more = missed - counters.missed
    counters.missed = missed
    if (more <= 0) return
    logger.error(
      { ...fields, missed: more },
      `${more} messages were deleted before the consumer ${name} had read them`,
    )
    try {
      settings.onGap({ missed: more })
    } catch (error) {
      logger.error({ ...fields, err: error }, `onGap of the consumer ${name} threw`)
    }
  }

  async function retryFailures(record: ConsumerRecord): Promise<void> {
    if (record.failures === 0) return
    for (const failure of await storage.consumers.dueRetries(name, RETRIES_AT_ONCE)) {
      if (stop.signal.aborted) return
      const row = await storage.messages.get(failure.ref)
      const gone = new Error('the message itself was deleted: skip it')
      const message = row === null ? null : options.read(row)
      const failed = message === null ? { error: gone } : await call([message], failure.attempts + 1)
      const result = failed && failureOf(failure, failed.error, failure.attempts + 1)
      const settled = await persist(() => storage.consumers.settleRetry({ name, epoch }, failure.ref, result))
      if (!settled) return void fenced(1, record)
      if (failed === null) counters.retried()
    }
  }

  async function run(opened: ConsumerRecord): Promise<void> {
    moveTo(opened.cursor)
    counters.epoch = epoch
    counters.state = 'running'
    noteRecord(opened)
    await retryFailures(opened)
    while (!stop.signal.aborted) {
      if (options.takeLook()) await look()
      const page = await pages.next(cursor, bisect.limit)
      if (page.messages.length === 0) {
        counters.lagMs = 0
        await waker.wait(idle)
        idle = Math.min(idle * 2, settings.pollInterval)
        continue
      }
      idle = SHORTEST_POLL
      // While the handler works, the database does too.
      pages.readAhead(page, bisect.limit)
      if (!(await work(page))) return
    }
  }

  try {
    const opened = await open(options)
    if (opened !== null) await run(opened)
  } finally {
    await pages.close()
    counters.epoch = null
    stop.dispose()
    stopHandler.dispose()
  }
}

/** The consumer's record, with this epoch as its writer; null when a later one is. */
async function open({ settings, storage, lease, clock }: FollowOptions): Promise<ConsumerRecord | null> {
  const { name, types, from } = settings
  const known = await storage.consumers.get(name)
  const start = async () => {
    if (known !== null) return known.cursor
    if (from === 'beginning') return null
    return from === 'now' ? storage.log.end(types) : storage.log.seek(types, from.getTime())
  }
  return storage.consumers.open({
    name,
    epoch: lease.fence.epoch,
    typeKeys: types.map((type) => type?.key ?? null),
    cursor: await start(),
    now: clock.now(),
  })
}

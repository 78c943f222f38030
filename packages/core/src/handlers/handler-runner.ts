import { createCondition } from '@devicehub-internal/async'
import { accept, duration, number, optional, options, text } from '../model/check/index.js'
import type { Duration, InMilliseconds } from '../model/duration.js'
import { DeviceHubError } from '../model/errors.js'
import { logger, metrics } from '../ports/checks.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'

/** What a runner names, bounds and tells. */
export interface HandlerRunnerOptions {
  /** Names the handler in log lines and metrics: `deviceDataReceived`, `WeatherStation.onData`. */
  readonly name: string
  /** Promises of the handler that may be pending at once; past it calls are dropped and counted. Default 1,000. */
  readonly maxPending?: number | undefined
  /** Told of each error. */
  readonly logger: Logger
  /** Where errors and dropped calls are counted. */
  readonly metrics: Metrics
  /**
   * How long a promise may be pending before it is counted and logged as an error. Default: for good.
   * It keeps its place among the pending ones until it settles, for it may hold memory until then.
   */
  readonly timeout?: Duration | undefined
}

/** What a runner has done. */
export interface HandlerStats {
  /** Calls that threw, rejected or took longer than `timeout`. */
  readonly errors: number
  /** Calls that were not made because too many were pending. */
  readonly dropped: number
  /** Promises of the handler that have not settled. */
  readonly pending: number
}

/**
 * Runs a handler that others wrote, so that it harms nobody: what it throws or rejects with is logged and counted,
 * and what it leaves pending is bounded. Only a handler that never returns to the event loop cannot be contained.
 */
export interface HandlerRunner {
  /** Never throws and never waits. The second form saves a closure for each call. */
  run(handler: () => unknown): void
  /** Calls the handler with the event. Neither waits for it nor throws. */
  run<Event>(handler: (event: Event) => unknown, event: Event): void
  /** Since it was created. */
  stats(): HandlerStats
  /** Resolves when no promise of the handler is pending. */
  idle(): Promise<void>
}

/** A handler that fails on every event must not turn into a flood of log lines: so many a window, the rest as a number. */
const LOG_WINDOW_MS = 10_000
const LOG_LINES_A_WINDOW = 10

const RUNNER = options<InMilliseconds<HandlerRunnerOptions>>({
  name: text({ max: 1024 }),
  maxPending: optional(number({ min: 1, infinite: true })),
  logger,
  metrics,
  timeout: optional(duration({ min: '1ms', max: '1h' })),
})

/** Runs handlers as `HandlerRunner` says. `invalid_options` for options that do not fit. */
export function createHandlerRunner(given: HandlerRunnerOptions): HandlerRunner {
  const {
    name,
    maxPending = 1000,
    logger,
    metrics,
    timeout: timeoutMs,
  } = accept('createHandlerRunner', 'options', RUNNER, given)
  const labels = { handler: name }
  let errors = 0
  let dropped = 0
  let pending = 0
  /** `dropped` when the present burst of drops began; -1 outside of one. */
  let burstFrom = -1
  let windowStart = Number.NEGATIVE_INFINITY
  let lines = 0
  let unlogged = 0
  const condition = createCondition()

  function fail(cause: unknown, what: string): void {
    errors++
    quietly(() => metrics.count('devicehub_handler_errors_total', 1, labels))
    const now = Date.now()
    if (now - windowStart >= LOG_WINDOW_MS || now < windowStart) {
      windowStart = now
      lines = 0
    }
    if (lines >= LOG_LINES_A_WINDOW) return void unlogged++
    lines++
    const suppressed = unlogged
    unlogged = 0
    // What was thrown is the user's: even to make a text of it can throw.
    quietly(() => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      logger.error({ handler: name, err: cause, suppressed }, `the handler ${name} ${what}: ${reason}`)
    })
  }

  function drop(): void {
    if (burstFrom < 0) {
      burstFrom = dropped
      const message = `the handler ${name} has ${pending} calls pending and gets no further ones until half are done`
      quietly(() => logger.warn({ handler: name, pending }, message))
    }
    dropped++
    quietly(() => metrics.count('devicehub_handler_dropped_total', 1, labels))
  }

  function settle(): void {
    pending--
    if (burstFrom >= 0 && pending <= maxPending / 2) {
      const missed = dropped - burstFrom
      burstFrom = -1
      quietly(() =>
        logger.warn({ handler: name, dropped: missed }, `the handler ${name} has missed ${missed} calls`),
      )
    }
    condition.check()
  }

  function follow(result: PromiseLike<unknown>): void {
    pending++
    let timer: ReturnType<typeof setTimeout> | undefined
    let late = false
    if (timeoutMs !== undefined) {
      timer = setTimeout(() => {
        late = true
        const cause = new DeviceHubError('handler_failed', `not done after ${timeoutMs} ms`)
        fail(cause, 'takes too long')
      }, timeoutMs)
      timer.unref?.()
    }
    // Through Promise.resolve, since a `then` that is not the engine's own may throw or call back twice.
    Promise.resolve(result).then(
      () => {
        clearTimeout(timer)
        settle()
      },
      (error) => {
        clearTimeout(timer)
        if (!late) fail(error, 'rejected')
        settle()
      },
    )
  }

  return {
    // What is no function fails as one that throws does: nothing is thrown at who emits an event.
    run(handler: (event?: unknown) => unknown, event?: unknown): void {
      if (burstFrom >= 0 || pending >= maxPending) {
        drop()
        return
      }
      try {
        const result = handler(event)
        if (isThenable(result)) follow(result)
      } catch (error) {
        fail(error, 'threw')
      }
    },
    stats: () => ({ errors, dropped, pending }),
    idle: () => condition.when(() => pending === 0),
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/** Loggers and metrics are the user's too. */
function quietly(report: () => void): void {
  try {
    report()
  } catch {
    // There is nowhere left to report it.
  }
}

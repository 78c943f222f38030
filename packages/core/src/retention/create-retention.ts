import { sleep } from '@devicehub-internal/async'
import type { HeldLease } from '../lease/hold-lease.js'
import { createLeasedTurns } from '../lease/leased-turns.js'
import type { CloseOptions } from '../model/check/close-options.js'
import { accept, closeOptions, port } from '../model/check/index.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { RetentionResult, Storage } from '../ports/storage.js'
import { assertControl } from '../rules/storage-errors.js'
import { type RetentionOptions, retentionSettings } from './retention-settings.js'

/** The part of a hub that retention works with; every `DeviceHub` has it. */
export interface RetentionHub {
  /** Where the rows and the lease are. */
  readonly storage: Storage
  /** By it rows are old. */
  readonly clock: Clock
  /** Told what a run fails of. */
  readonly logger: Logger
  /** Where deleted rows are counted. */
  readonly metrics: Metrics
  /** Has `end` called when the hub closes; returns the way to undo it. */
  onClose(end: () => void | Promise<void>): () => void
}

/** `running`: it deletes. `waiting`: for the next run. `standby`: another process does it. `retrying`: the last run failed. */
export type RetentionState = 'starting' | 'running' | 'waiting' | 'standby' | 'retrying' | 'closed'

/** What retention has done, in this process. */
export interface RetentionStats {
  /** What this process does now. */
  readonly state: RetentionState
  /** Runs of this process that came to their end. */
  readonly runs: number
  /** Samples that this process deleted in runs that ended. */
  readonly readings: number
  /** Audit rows that this process deleted in runs that ended. */
  readonly messages: number
  /** Runs that failed. */
  readonly failures: number
  /** What failed last; null: nothing did. */
  readonly lastError: unknown
  /** When the last run of this process ended; null: none has. */
  readonly lastRunAt: Date | null
}

/** Deletes old rows; see `createRetention`. */
export interface RetentionTask {
  /**
   * Deletes what is old now, beside the regular runs; resolves with how many rows went, none while another process does
   * it. Rejects with the storage's error, or with `closed`.
   */
  run(): Promise<RetentionResult>
  /** Of this process. */
  stats(): RetentionStats
  /** Stops the run after its present step, for which it waits at most `timeout` (default 10 s), and gives the lease back. */
  close(options?: CloseOptions): Promise<void>
  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

const LEASE = 'retention'
const RETRY_MS = 60_000
const NOTHING: RetentionResult = { readings: 0, messages: 0 }
const HUB = port<RetentionHub>('a hub made by createDeviceHub', 'onClose')

/**
 * Deletes from now on what is older than each type's `retention` says: at once, and again every `every` after a run. It
 * deletes in short steps with pauses between them, so that ingest goes on. Create it in every process: one of them does it
 * at a time. Close it before the hub, which ends it otherwise and says so. `invalid_options` for an option that cannot
 * work, `not_supported` for a storage without the control group, `closed` for a hub that is.
 *
 * @example
 * import { createRetention } from '@devicehub/core'
 * import { hub } from './hub.js'
 *
 * const retention = createRetention(hub, { every: '1h', unrouted: '30d' })
 * await retention.close()
 */
export function createRetention(hub: RetentionHub, options: RetentionOptions = {}): RetentionTask {
  accept('createRetention', 'hub', HUB, hub)
  const { every, unrouted, share, ttl } = retentionSettings(options)
  assertControl(hub.storage, 'retention')
  const { storage, clock, metrics } = hub
  const counts = { runs: 0, readings: 0, messages: 0 }
  let state: RetentionState = 'starting'
  let lastRunAt: Date | null = null

  const turns = createLeasedTurns<RetentionResult>({
    hub,
    lease: LEASE,
    ttl,
    every,
    // A run that fails is tried again sooner than the next one is due.
    retryAfter: RETRY_MS,
    turn,
    failed() {
      state = 'retrying'
    },
    says: {
      closed: 'retention is closed',
      storageClosed: 'the storage was closed before the retention that works on it',
      hubClosed: 'the hub was closed before its retention; close the retention first',
      failed: 'retention could not delete old rows',
    },
    closeWithHub: () => retention.close(),
  })

  async function turn(): Promise<RetentionResult> {
    const held = await turns.hold()
    if (typeof held === 'number') {
      state = 'standby'
      turns.pauseFor(held)
      return NOTHING
    }
    state = 'running'
    const result = await deleteOld(held)
    state = 'waiting'
    return result
  }

  async function deleteOld(held: HeldLease): Promise<RetentionResult> {
    const started = performance.now()
    const now = clock.now()
    const goesOn = () => !turns.closing.aborted && held.valid
    const { readings, messages } = await storage.applyRetention(now, {
      ...(unrouted === null ? {} : { unroutedBefore: now - unrouted }),
      async pause(tookMs) {
        if (goesOn()) await sleep(tookMs * (1 / share - 1), turns.closing)
        return goesOn()
      },
    })
    counts.readings += readings
    counts.messages += messages
    metrics.count('devicehub_retention_deleted_total', readings, { rows: 'readings' })
    metrics.count('devicehub_retention_deleted_total', messages, { rows: 'messages' })
    metrics.observe('devicehub_retention_run_ms', performance.now() - started)
    // Cut short: whoever holds the lease now goes on with it.
    if (goesOn()) {
      counts.runs++
      lastRunAt = new Date(clock.now())
    }
    return { readings, messages }
  }

  const retention: RetentionTask = {
    run: turns.inTurn,
    stats: () => ({ ...counts, ...turns.stats(), state, lastRunAt }),
    async close(given = {}) {
      const { timeout: timeoutMs = 10_000 } = accept('retention.close', 'options', closeOptions, given)
      await turns.close(timeoutMs)
      state = 'closed'
    },
    [Symbol.asyncDispose]: () => retention.close(),
  }
  turns.start()
  return retention
}

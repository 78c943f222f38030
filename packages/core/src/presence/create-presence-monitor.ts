import type { HeldLease } from '../lease/hold-lease.js'
import { createLeasedTurns } from '../lease/leased-turns.js'
import type { CloseOptions } from '../model/check/close-options.js'
import { accept, closeOptions, port } from '../model/check/index.js'
import { createFaultLog } from '../rules/fault-log.js'
import { heartbeatLimit } from '../rules/heartbeat.js'
import { assertControl } from '../rules/storage-errors.js'
import { markOverdue, WATCHED_STATUSES } from './mark-overdue.js'
import type { PresenceHub } from './presence-hub.js'
import { type PresenceOptions, presenceSettings } from './presence-settings.js'
import { createSetBack } from './set-back.js'
import { readWatch, type Watch, watchAt, writeWatch } from './watch.js'

/** `standby`: another process watches. `not_listening`: `isListening` says no. `retrying`: the last sweep failed. */
export type PresenceState = 'starting' | 'watching' | 'standby' | 'not_listening' | 'retrying' | 'closed'

/** What a presence monitor has done, in this process. */
export interface PresenceStats {
  /** What this process does now. */
  readonly state: PresenceState
  /** Sweeps of this process that came to their end. */
  readonly sweeps: number
  /** Devices that this process marked offline. */
  readonly marked: number
  /** Devices whose `lastSeen` or status had a time ahead of this process's clock, and was set back to now. */
  readonly setBack: number
  /** Sweeps that failed. */
  readonly failures: number
  /** What failed last; null: nothing did. */
  readonly lastError: unknown
  /** Since when somebody looks without a break: no silence counts from before. Null unless this process watches. */
  readonly watchingSince: Date | null
}

/** Marks devices offline that fell silent; see `createPresenceMonitor`. */
export interface PresenceMonitor {
  /**
   * Looks now, beside the regular sweeps; resolves with how many devices were marked, 0 while another process watches.
   * Rejects with the storage's error, or with `closed`.
   */
  sweep(): Promise<number>
  /** Of this process. */
  stats(): PresenceStats
  /** Ends the sweep that runs, for at most `timeout` (default 10 s), and gives the lease back. */
  close(options?: CloseOptions): Promise<void>
  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

const LEASE = 'presence'
/** Devices marked in one transaction. */
const PAGE = 500

const HUB = port<PresenceHub>('a hub made by createDeviceHub', 'announce', 'onClose')

/**
 * Watches the heartbeats of all types of the hub from now on: a device of which nothing was heard for longer than
 * `multiplier` times its type's `heartbeatInterval` becomes `offline`, with a row in its type's log, the signals
 * `deviceStatusChanged` and `deviceDisconnected` and the hooks `onStatusChange` and `onDisconnect`, once each. Create it
 * in every process that listens: one of them watches at a time. Close it before the hub, which ends it otherwise and says
 * so. `invalid_options` for an option that cannot work, `not_supported` for a storage without the control group, `closed` for
 * a hub that is.
 *
 * @example
 * import { createPresenceMonitor } from '@devicehub/core'
 * import { createMqttListener } from '@devicehub/mqtt-listener'
 * import { hub } from './hub.js'
 *
 * const listener = createMqttListener(hub, { url: 'mqtt://localhost:1883', clientId: 'ingest' })
 * const presence = createPresenceMonitor(hub, { isListening: () => listener.stats().state === 'connected' })
 * await presence.close()
 */
export function createPresenceMonitor(hub: PresenceHub, options: PresenceOptions = {}): PresenceMonitor {
  accept('createPresenceMonitor', 'hub', HUB, hub)
  const settings = presenceSettings(options, hub.types)
  assertControl(hub.storage, 'presence monitors')
  const { storage, clock, metrics } = hub
  const counts = { sweeps: 0, marked: 0, setBack: 0 }
  const setBack = createSetBack(hub)
  const markFaults = createFaultLog()
  let state: PresenceState = 'starting'
  let watch: Watch | null = null

  const turns = createLeasedTurns<number>({
    hub,
    lease: LEASE,
    ttl: settings.ttl,
    every: settings.every,
    async claimed() {
      // Only now: the former holder may have gone on until the claim.
      watch = null
      const [mine] = await storage.leases.find([LEASE])
      watch = readWatch(mine?.note ?? null)
    },
    turn,
    failed() {
      state = 'retrying'
    },
    says: {
      closed: 'the presence monitor is closed',
      storageClosed: 'the storage was closed before the presence monitor that works on it',
      hubClosed: 'the hub was closed before its presence monitor; close the monitor first',
      failed: 'the presence monitor could not sweep',
    },
    closeWithHub: () => monitor.close(),
  })

  async function turn(): Promise<number> {
    if (!(await settings.isListening())) {
      await turns.letGo()
      state = 'not_listening'
      return 0
    }
    const held = await turns.hold()
    if (typeof held === 'number') {
      state = 'standby'
      turns.pauseFor(held)
      return 0
    }
    const marked = await sweepAll(held)
    state = 'watching'
    return marked
  }

  async function sweepAll(held: HeldLease): Promise<number> {
    const started = performance.now()
    const now = clock.now()
    const present = watchAt(watch, now, settings.maxGap)
    let marked = 0
    counts.setBack += await setBack(now, (type) => heartbeatLimit(type, settings.multiplier))
    for (const type of hub.types) {
      const limit = heartbeatLimit(type, settings.multiplier)
      // Until then nobody was listened to for long enough to be missed.
      if (type.abstract || now - present.since <= limit) continue
      const place = {
        hub,
        type,
        limit,
        now,
        since: present.since,
        fence: held.fence,
        signal: turns.closing,
        faultLog: markFaults,
      }
      let cursor: string | undefined
      do {
        const page = await storage.devices.overdue(type, {
          before: now - limit,
          statuses: WATCHED_STATUSES,
          limit: PAGE,
          cursor,
        })
        const count = page.items.length === 0 ? 0 : await markOverdue(place, page.items)
        marked += count
        counts.marked += count
        cursor = page.cursor ?? undefined
        if (turns.closing.aborted) return marked
      } while (cursor !== undefined)
    }
    const done = { since: present.since, sweptAt: clock.now() }
    await held.note(writeWatch(done))
    watch = done
    counts.sweeps++
    metrics.observe('devicehub_presence_sweep_ms', performance.now() - started)
    return marked
  }

  const monitor: PresenceMonitor = {
    sweep: turns.inTurn,
    stats: () => ({
      ...counts,
      ...turns.stats(),
      state,
      watchingSince: state === 'watching' && watch !== null ? new Date(watch.since) : null,
    }),
    async close(given = {}) {
      const { timeout: timeoutMs = 10_000 } = accept('presence.close', 'options', closeOptions, given)
      await turns.close(timeoutMs)
      state = 'closed'
    },
    [Symbol.asyncDispose]: () => monitor.close(),
  }
  turns.start()
  return monitor
}

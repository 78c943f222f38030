import type { DeviceHub, Principal } from '@devicehub/core'
import { createBegunSessions } from './begun-sessions.js'
import { createBounded } from './bounded.js'

/** A broker reports that a client connected or disconnected. */
export interface PresenceEvent {
  /** `emqx`; the source of the event is `broker:emqx` then. */
  readonly broker: string
  readonly event: 'connected' | 'disconnected'
  /** The user name of the login. If the broker does not send it: the client id, which is the user name by default. */
  readonly username: string
  /**
   * Of the login, where that is remembered: a connection that ends with a revocation is told of then. Default: who has the
   * user name now.
   */
  readonly principal?: Principal | undefined
  /**
   * Names the session, where the broker tells of the end of logins as well that it refused: then an end counts only of
   * what began, as far as this process was told.
   */
  readonly session?: string | undefined
  /** By the broker's clock, epoch milliseconds; default now. */
  readonly at?: number | undefined
  /** When the connection began, epoch milliseconds. */
  readonly connectedAt?: number | undefined
  readonly reason?: string | undefined
}

export interface Presence {
  /**
   * Reports to `hub.sessions`. `ignored`: not a device, or the end of a session that continues elsewhere. Never throws:
   * `failed` when it could not be written, so that the broker is asked to repeat the report, if it can.
   */
  report(event: PresenceEvent): Promise<PresenceOutcome>
  /** A login was refused; `session` as in the events. */
  refused(session: string): void
}

export type PresenceOutcome = 'reported' | 'ignored' | 'failed'

/** Reports that may wait for the database; further ones fail. */
const MAX_REPORTS = 10_000
const TIMEOUT = 10_000

/**
 * Reasons of a disconnect that do not mean that the device is offline: another connection has taken over, or the broker
 * stops, and the device connects to the next one. The presence monitor notices a device that does not come back.
 */
const ENDS_NOTHING =
  /take.?n?.?over|discarded|shut(ting)?.?down|evacuat|rebalanc|another.?server|server.?moved/i

export function createPresence(
  hub: Pick<DeviceHub, 'credentials' | 'sessions' | 'logger' | 'clock'>,
): Presence & { stats(): Record<PresenceOutcome, number> } {
  const counts = { reported: 0, ignored: 0, failed: 0 }
  // A broker may no longer wait: a report that hangs keeps its slot.
  const reports = createBounded({
    max: MAX_REPORTS,
    timeout: TIMEOUT,
    until: 'settled',
    onShed: () => undefined,
  })
  const begun = createBegunSessions(() => hub.clock.now())
  let failing = false

  async function write(told: PresenceEvent): Promise<PresenceOutcome> {
    const { broker, username, event, at, connectedAt, reason } = told
    const principal = told.principal ?? (await hub.credentials.find(username))
    if (principal === null) return 'ignored'
    const { type, deviceId } = principal
    const source = `broker:${broker}`
    const outcome = await hub.sessions.report({
      type,
      deviceId,
      event,
      at: dateOf(at),
      connectedAt: dateOf(connectedAt),
      reason,
      source,
    })
    failing = false
    return outcome === 'unknown_device' ? 'ignored' : 'reported'
  }

  function isOfASession({ session, event }: PresenceEvent): boolean {
    if (session === undefined) return true
    if (event === 'disconnected') return begun.ended(session)
    begun.began(session)
    return true
  }

  async function report(event: PresenceEvent): Promise<PresenceOutcome> {
    if (event.username === '' || !isOfASession(event)) return 'ignored'
    if (event.event === 'disconnected' && ENDS_NOTHING.test(event.reason ?? '')) return 'ignored'
    try {
      return await reports.run(event.username, () => write(event), 'failed')
    } catch (error) {
      if (!failing) hub.logger.warn({ err: error }, 'The presence that a broker told could not be written')
      failing = true
      return 'failed'
    }
  }

  return {
    async report(event) {
      const outcome = await report(event)
      counts[outcome]++
      return outcome
    },
    refused: begun.refused,
    stats: () => ({ ...counts }),
  }
}

const dateOf = (time: number | undefined): Date | undefined =>
  time === undefined ? undefined : new Date(time)

import {
  createSilentEnds,
  disconnectReason,
  presumablyTakenOver,
  SESSION_TAKEN_OVER,
} from '@devicehub/core/transport'
import { deferred, sleep } from '@devicehub-internal/async'
import type { BrokerCounters } from '../reporting/counters.js'
import type { ReconnectSettings } from '../settings/option-rules.js'
import { asError, ConnectionError } from './connection-error.js'
import type { Grants } from './grants.js'
import type { Link, LinkEnd } from './link.js'
import { reconnectBackoff } from './reconnect-backoff.js'

export interface KeepConnectedOptions {
  /** Called for each attempt: a link is used once. */
  readonly createLink: () => Link
  /** Prepares an open link, by subscribing say. When it rejects, the attempt has failed. */
  readonly prepare: (link: Link, grants: Grants) => Promise<void>
  /** Called when a link has ended, whether or not it was ever open. */
  readonly onEnd: (link: Link, end: LinkEnd) => void
  /** `retryInMs`: the pause until the next attempt, where one follows. */
  readonly onState: (state: ConnectionState, error: Error | null, retryInMs: number | null) => void
  readonly reconnect: ReconnectSettings
  readonly clientId: string
  readonly counters: Pick<BrokerCounters, 'failedConnects' | 'sessionsTakenOver'>
  /** Asked when a link ends: true if nothing sent on it can be the reason. Default: always true. */
  readonly isIdle?: () => boolean
  /** Called when a link ends: false if the broker confirmed nothing of what was sent on it. The delays then go on growing. Default: always true. */
  readonly wasOfUse?: () => boolean
  /** Asked before each attempt. False: no further attempt. Default: always true. */
  readonly mayConnect?: () => boolean
  /** The error text for when another client has connected with the same client id. */
  readonly takenOver?: string | undefined
}

/**
 * - `idle`: not started.
 * - `connecting`: an attempt to connect and subscribe is under way.
 * - `connected`: connected and subscribed.
 * - `waiting`: the next attempt comes after a delay.
 * - `refused`: the last attempt failed for a reason that does not pass by itself. The next comes after the longest delay.
 * - `standby`: other processes hold all slots of the group.
 * - `stopped`: no further attempt.
 */
export type ConnectionState =
  | 'idle'
  | 'connecting'
  | 'connected'
  | 'waiting'
  | 'refused'
  | 'standby'
  | 'stopped'

export interface KeptConnection {
  readonly state: ConnectionState
  /** The link that is connected and prepared; null while there is none. */
  readonly link: Link | null
  readonly lastError: Error | null
  /** Resolves when the first link is prepared. Rejects when no attempt can succeed. */
  readonly ready: Promise<void>
  /** Makes no further attempt, and drops a link that is not prepared yet. Returns the prepared one: the caller ends it. */
  stop(): Link | null
}

/** The delays start again with the shortest after a connection that lasted so long. */
const STABLE_MS = 5_000

/** How one attempt, and the connection it made, has ended. */
interface Attempt {
  readonly end: LinkEnd
  /** How long the link was prepared; null when it never was. */
  readonly lastedMs: number | null
  readonly wasIdle: boolean
  readonly wasOfUse: boolean
}

/** Connects, and connects again whenever the connection is lost, with growing and jittered delays. */
export function keepConnected(options: KeepConnectedOptions): KeptConnection {
  const { reconnect, clientId, counters } = options
  const { mayConnect = () => true, isIdle = () => true, wasOfUse = () => true } = options
  const { takenOver = SAME_CLIENT_ID } = options
  const silentEnds = createSilentEnds()
  const backoff = reconnectBackoff(reconnect)
  const stopping = new AbortController()
  const ready = deferred()
  let state: ConnectionState = 'idle'
  /** Prepared. */
  let link: Link | null = null
  /** Of the present attempt, prepared or not. */
  let latest: Link | null = null
  let lastError: Error | null = null

  function enter(next: ConnectionState, error: Error | null = null, retryInMs: number | null = null): void {
    if (state === 'stopped') return
    state = next
    options.onState(next, error, retryInMs)
  }

  async function connectOnce(): Promise<Attempt> {
    const current = options.createLink()
    latest = current
    let preparedAt: number | null = null
    try {
      await options.prepare(current, await current.open())
      if (stopping.signal.aborted) throw new ConnectionError('stopped')
      link = current
      preparedAt = performance.now()
      lastError = null
      enter('connected')
      ready.resolve()
    } catch (error) {
      lastError = asError(error)
      current.drop(lastError)
      if (isPermanent(error)) ready.reject(error)
    }
    const end = await current.closed
    link = null
    latest = null
    const lastedMs = preparedAt === null ? null : performance.now() - preparedAt
    const attempt = { end, lastedMs, wasIdle: isIdle(), wasOfUse: wasOfUse() }
    options.onEnd(current, end)
    return attempt
  }

  /** Counts the end and keeps its error. Another client with this client id may have caused it: reported, or presumed. */
  function noteEnd({ end, lastedMs, wasIdle }: Attempt): void {
    if (lastedMs === null) {
      counters.failedConnects++
      silentEnds.failed()
      return
    }
    const reported = end.disconnect?.reasonCode === SESSION_TAKEN_OVER
    const withoutReason = end.disconnect === null && end.error === null && wasIdle
    const endsInARow = silentEnds.ended({ withoutReason, lasted: `${Math.round(lastedMs)}ms` })
    const presumed = endsInARow > 0
    const message = presumed ? presumablyTakenOver(clientId, endsInARow) : describeEnd(end, takenOver)
    if (reported || presumed) {
      counters.sessionsTakenOver++
      // Two clients with one client id would otherwise disconnect each other as fast as they can connect.
      lastError = new ConnectionError(message, { cause: end.error, waitsLongest: true })
    } else if (end.disconnect !== null) lastError = new ConnectionError(message, { cause: end.error })
    else lastError = end.error ?? new ConnectionError(message)
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      // A process that was frozen may come here before it notices that its lease has ended.
      if (!mayConnect()) {
        enter('stopped')
        stopping.abort()
        return
      }
      enter('connecting')
      const attempt = await connectOnce()
      if (stopping.signal.aborted) return
      noteEnd(attempt)
      if (attempt.lastedMs !== null && attempt.lastedMs >= STABLE_MS && attempt.wasOfUse) backoff.reset()
      const delay = waitsLongest(lastError) ? reconnect.max * 1000 : backoff.next()
      enter(isPermanent(lastError) ? 'refused' : 'waiting', lastError, delay)
      await sleep(delay, stopping.signal)
    }
  }
  void run()

  return {
    get state() {
      return state
    },
    get link() {
      return link
    },
    get lastError() {
      return lastError
    },
    ready: ready.promise,
    stop() {
      const prepared = link
      enter('stopped')
      stopping.abort()
      if (prepared === null) latest?.drop(new ConnectionError('stopped'))
      return prepared
    },
  }
}

export const isPermanent = (error: unknown): error is ConnectionError =>
  error instanceof ConnectionError && error.permanentCode !== null

/** The fault is of this one connection, its client id or its rights say, not of the broker's absence. */
export const waitsLongest = (error: unknown): error is ConnectionError =>
  error instanceof ConnectionError && error.waitsLongest

/** For logs: why there is no connection, and when the next attempt comes. */
export const describeRetry = (error: Error, { max }: ReconnectSettings): string =>
  isPermanent(error)
    ? `${error.message}. Retrying cannot help until this is corrected; the next attempt is within ${max} s`
    : `${error.message}; trying again`

const SAME_CLIENT_ID =
  'another client connected with the same client id; each process needs a client id of its own'

/** Why a connection ended: what the broker said in its DISCONNECT comes before what became of the socket. */
export function describeEnd({ disconnect, error }: LinkEnd, takenOver = SAME_CLIENT_ID): string {
  if (disconnect === null) return error?.message ?? 'the broker closed the connection'
  const advice = disconnect.reasonCode === SESSION_TAKEN_OVER ? `; ${takenOver}` : ''
  return `the broker ended the connection: ${disconnectReason(disconnect)}${advice}`
}
